// Draws a sequence: vertical lifelines, a solid arrow for a call, a dashed one for its response; an error has its own
// colour, a cross and its code. The style sheet sets colours and fonts.

import { milliseconds } from './sequence.js'

const SVG = 'http://www.w3.org/2000/svg'
const SIDE = 46
const NARROWEST = 620
const ROW = 28
const HEAD = 5
/** The estimated width of a label's letter. */
const LETTER = 6.7

export function drawLifelines(lifelines, width) {
  const picture = new Picture(lifelines, width)
  lifelines.forEach((name) => {
    picture.add('rect', { x: picture.x(name) - 40, y: 4, width: 80, height: 26, rx: 6, class: 'participant' })
    picture.text(picture.x(name), 21, name, 'participant-name', 'middle')
  })
  return picture.done(34)
}

export function drawExchange({ hop, title, times, isThief, at }, lifelines, width) {
  const picture = new Picture(lifelines, width)
  const clock = at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' })
  const when = times ? `${times} times, last ${clock}` : clock
  picture.spans(10, 22, 'start', [[title, isThief ? 'title refused' : 'title'], [`  ${when}`, 'time']])
  const end = drawHop(picture, hop, 29)
  return picture.done(end + 6)
}

function drawHop(picture, hop, top) {
  const { from, to, method, route, status, code, us, calls, unreached } = hop
  const refused = status >= 400
  picture.label(from, to, top + 11, `${method} ${route}`, 'call-label')
  picture.arrow(from, to, top + 17, 'call')
  let next = top + ROW
  for (const call of calls) next = drawHop(picture, call, next)
  if (unreached) {
    picture.broken(to, unreached, next + 17)
    next += ROW
  }
  const answer = `${refused ? '✕ ' : ''}${status}${code ? ` ${code}` : ''}`
  picture.answer(to, from, next + 11, answer, milliseconds(us), refused)
  picture.arrow(to, from, next + 17, refused ? 'answer refused' : 'answer')
  return next + ROW
}

export function drawGuest({ text }, lifelines, width) {
  const picture = new Picture(lifelines, width)
  picture.label('Customer', 'Browser', 21, text, 'guest-label')
  picture.arrow('Customer', 'Browser', 28, 'call')
  return picture.done(36)
}

export function drawNotice({ text }, lifelines, width) {
  const picture = new Picture(lifelines, width)
  picture.label('Customer', 'Browser', 21, `“${text}”`, 'guest-label refused')
  picture.arrow('Browser', 'Customer', 28, 'answer refused')
  return picture.done(36)
}

class Picture {
  constructor(lifelines, width) {
    this.lifelines = lifelines
    this.width = Math.max(width, NARROWEST)
    this.svg = document.createElementNS(SVG, 'svg')
    this.svg.setAttribute('aria-hidden', 'true')
    this.lines = lifelines.map((name) => this.add('line', { x1: this.x(name), x2: this.x(name), y1: 0, class: 'lifeline' }))
  }

  x(name) {
    const place = this.lifelines.indexOf(name)
    return Math.round(SIDE + place * (this.width - 2 * SIDE) / (this.lifelines.length - 1)) + 0.5
  }

  add(name, attributes) {
    const shape = document.createElementNS(SVG, name)
    Object.entries(attributes).forEach(([attribute, value]) => shape.setAttribute(attribute, value))
    this.svg.append(shape)
    return shape
  }

  text(x, y, content, kind, anchor = 'start') {
    this.add('text', { x, y, class: kind, 'text-anchor': anchor }).textContent = content
  }

  /** Places a label at its arrow's left end, or further left if it does not fit. */
  label(from, to, y, content, kind) {
    const start = Math.min(this.x(from), this.x(to)) + 8
    if (start + content.length * LETTER < this.width) this.text(start, y, content, kind)
    else this.text(this.width - 8, y, content, kind, 'end')
  }

  /** Places status and time at the origin of the response. */
  answer(from, to, y, status, time, refused) {
    this.spans(this.x(from) - 8, y, 'end', [[status, refused ? 'refused' : 'status'], [`  ${time}`, 'time']])
  }

  spans(x, y, anchor, parts) {
    const label = this.add('text', { x, y, 'text-anchor': anchor })
    parts.forEach(([content, kind]) => {
      const part = document.createElementNS(SVG, 'tspan')
      part.setAttribute('class', kind)
      part.textContent = content
      label.append(part)
    })
  }

  arrow(from, to, y, kind) {
    const [start, end] = [this.x(from), this.x(to)]
    const back = Math.sign(start - end)
    this.add('line', { x1: start, y1: y + 0.5, x2: end + back * HEAD, y2: y + 0.5, class: kind })
    const head = `M${end} ${y + 0.5} l${back * 8} -4 v8 z`
    this.add('path', { d: head, class: `head ${kind}` })
  }

  /** A call that did not reach its callee. */
  broken(from, to, y) {
    const [start, end] = [this.x(from), this.x(to)]
    const stop = end - Math.sign(end - start) * 22
    this.add('line', { x1: start, y1: y + 0.5, x2: stop, y2: y + 0.5, class: 'call refused' })
    this.add('path', { d: `M${stop - 4} ${y - 4} l9 9 m0 -9 l-9 9`, class: 'cross' })
    this.text(start + 8, y - 6, 'cannot be reached', 'refused call-label')
  }

  done(height) {
    this.lines.forEach((line) => line.setAttribute('y2', height))
    this.svg.setAttribute('width', this.width)
    this.svg.setAttribute('height', height)
    this.svg.setAttribute('viewBox', `0 0 ${this.width} ${height}`)
    return this.svg
  }
}
