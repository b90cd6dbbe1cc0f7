"""Pictures and masks as arrays and files: decoding, packing, streaming, thumbnails, mask files.

Modules are imported by name; none knows a project.
It may import the ground only.
"""
