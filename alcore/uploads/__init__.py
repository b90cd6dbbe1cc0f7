"""Images that arrive: pieces of files put together in the workspace's folder `uploads`, archives unpacked there, and the folders of this
machine that a page may look into. Knows no project, no page and no route.

It may import formats and the ground.

`shelf.Shelf` takes what a browser sends, `fetching.fetch` gets what lies at an address, `archives.unpack` opens a zip;
`roots.Roots` says which paths may be read, `reach.Reach` which addresses.
"""
