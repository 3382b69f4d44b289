// Sends a result of the page, or an error that nothing caught, to the test.
export const report = (result) => fetch('/report', { method: 'POST', body: JSON.stringify(result) })

for (const type of ['error', 'unhandledrejection']) {
  addEventListener(type, (event) => report(`${type} ${event.message ?? event.reason}`))
}
