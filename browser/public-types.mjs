// Reads the declarations that tsc makes of the module, and writes those that a page can use: the exported values and the
// types that these refer to. tsc exports every `@typedef` of a JavaScript file, those of the module's own state included.
import { readFileSync } from 'node:fs'

/** Each declaration with the comment before it, by name. */
const declarations = new Map()
let comment = ''
let block = ''
for (const line of readFileSync(0, 'utf8').split('\n')) {
  block += `${line}\n`
  if (/^(\/\*\* .*| )\*\/$/.test(line)) comment = block
  else if (/^(export .*;|}.*;|})$/.test(line)) {
    const [, kind, name] = /^export (?:declare )?(\w+) (\w+)/m.exec(block)
    declarations.set(name, { kind, text: comment + block })
    comment = ''
  } else continue
  block = ''
}

const used = new Set()
function use(name) {
  if (used.has(name)) return
  used.add(name)
  for (const [word] of declarations.get(name).text.matchAll(/\w+/g)) {
    if (declarations.has(word)) use(word)
  }
}
for (const [name, { kind }] of declarations) if (kind !== 'type') use(name)
process.stdout.write([...declarations].filter(([name]) => used.has(name)).map(([, { text }]) => text).join(''))
