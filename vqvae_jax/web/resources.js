// What Python has put into the page: Base64 in elements that nothing runs.

/** Bytes of an element; the element goes, since nobody reads it twice. */
export function resource(id) {
  const element = document.getElementById(id);
  element.remove();
  return bytesOfBase64(element.textContent);
}

export function bytesOfBase64(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let n = 0; n < binary.length; n++) bytes[n] = binary.charCodeAt(n);
  return bytes;
}
