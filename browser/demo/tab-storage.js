// Values that a tab keeps when it is loaded again. Where storage is blocked, they are forgotten.

export function recall(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key))
  } catch {
    return null
  }
}

/** Null forgets the value. */
export function remember(key, value) {
  try {
    if (value === null) sessionStorage.removeItem(key)
    else sessionStorage.setItem(key, JSON.stringify(value))
  } catch {
    // Blocked.
  }
}
