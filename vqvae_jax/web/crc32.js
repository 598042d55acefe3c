// CRC-32 as in zlib (docs/format.md).

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n >>> 0;
});

/** CRC-32 of bytes, going on from that of the bytes before them. */
export function crc32(bytes, before = 0) {
  let crc = ~before;
  for (let n = 0; n < bytes.length; n++) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ bytes[n]) & 0xff];
  return ~crc >>> 0;
}
