// Unsigned LEB128 in its shortest form (docs/format.md; `container/varint.py`).

/**
 * The number that starts at `offset` and the offset behind it; null if `bytes` end within it, it is longer than
 * `maxBytes`, or a shorter form exists.
 */
export function readVarint(bytes, offset, maxBytes) {
  let value = 0;
  for (let place = 0; place < maxBytes && offset + place < bytes.length; place++) {
    const byte = bytes[offset + place];
    value += (byte & 0x7f) * 2 ** (7 * place);
    if (byte < 0x80) return place && !byte ? null : [value, offset + place + 1];
  }
  return null;
}
