"""A source of images, looked at and packed: what it is taken for, what is set aside, what an import would do.

`request.ImportRequest` in, `gather.gather` or `preview.preview` out. Stores nothing.
It may import formats, pixels, nets and the ground.
"""
