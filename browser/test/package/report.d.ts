export const report: (result: unknown) => Promise<Response>
