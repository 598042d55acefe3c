"""The player: decodes .msv files in browsers and in Node, without Python (docs/player.md)."""
