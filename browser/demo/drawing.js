// Draws an exchange: vertical lifelines, a solid arrow for a call, a dashed one for its response; an error has its own colour,
// a cross and its code. Each label stays between two lifelines. The style sheet sets colours.

import { duration } from './steps.js'

const SVG = 'http://www.w3.org/2000/svg'
const SIDE = 42
const NARROWEST = 560
const LINE = 13
const HEAD = 5
/** Also in sequence.css. */
const FONT = '500 11px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif'

const ruler = document.createElement('canvas').getContext('2d')
ruler.font = FONT

/** Splits a text into lines that fit, at spaces and after underscores. */
function wrap(text, width) {
  const lines = ['']
  for (const word of text.split(/(?<=[ _])/)) {
    const longer = lines.at(-1) + word
    if (lines.at(-1) && ruler.measureText(longer.trimEnd()).width > width) lines.push(word)
    else lines[lines.length - 1] = longer
  }
  return lines.map((line) => line.trim())
}

export function drawLifelines(lifelines, width) {
  const picture = new Picture(lifelines, width)
  const half = Math.min(38, picture.segment / 2 - 4)
  lifelines.forEach((name) => {
    picture.add('rect', { x: picture.x(name) - half, y: 6, width: 2 * half, height: 24, rx: 6, class: 'participant' })
    picture.text(picture.x(name), 22, name, 'participant-name')
  })
  return picture.done(34)
}

/** `since`: the exchange is a waiting call, of which only the part from this time on is drawn. */
export function drawExchange({ hop, isThief, waited }, since, lifelines, width) {
  const picture = new Picture(lifelines, width)
  let top = 4
  if (isThief) {
    picture.add('rect', { x: picture.x('Browser') - 26, y: 4, width: 52, height: 20, rx: 6, class: 'participant thief' })
    picture.text(picture.x('Browser'), 18, 'Thief', 'participant-name refused')
    top = 24
  }
  return picture.done(drawHop(picture, hop, top, since, waited) + 8)
}

function drawHop(picture, hop, top, since, waited) {
  const { from, to, endpoint, status, code, us, calls, unreached, began } = hop
  const isRefused = status >= 400
  let next = top
  const isPart = began < since
  if (!isPart) next = picture.labelled(from, to, next, [[endpoint, '']], 'call')
  for (const call of calls) if (call.ended >= since) next = drawHop(picture, call, next, since, waited)
  if (unreached) next = picture.broken(to, unreached, next)
  const time = isPart && waited ? `waited ${duration(waited * 1000)}` : duration(us)
  const answer = [[`${isRefused ? '✕ ' : ''}${status} · ${time}`, isRefused ? 'refused' : '']]
  if (code) answer.push([code, 'refused'])
  return picture.labelled(to, from, next, answer, isRefused ? 'answer refused' : 'answer')
}

class Picture {
  constructor(lifelines, width) {
    this.lifelines = lifelines
    this.width = Math.max(width, NARROWEST)
    this.segment = (this.width - 2 * SIDE) / (lifelines.length - 1)
    this.svg = document.createElementNS(SVG, 'svg')
    this.lines = lifelines.map((name) => this.add('line', { x1: this.x(name), x2: this.x(name), y1: 0, class: 'lifeline' }))
  }

  x(name) {
    return Math.round(SIDE + this.lifelines.indexOf(name) * this.segment) + 0.5
  }

  add(name, attributes) {
    const shape = document.createElementNS(SVG, name)
    Object.entries(attributes).forEach(([attribute, value]) => shape.setAttribute(attribute, value))
    this.svg.append(shape)
    return shape
  }

  text(x, y, content, kind) {
    this.add('text', { x, y, class: kind, 'text-anchor': 'middle' }).textContent = content
  }

  /** An arrow below its label, which is in the first space between lifelines on the arrow's way. Returns where it ends. */
  labelled(from, to, top, parts, kind) {
    const [start, end] = [this.x(from), this.x(to)]
    const middle = start + Math.sign(end - start) * this.segment / 2
    let y = top
    for (const [content, style] of parts) {
      for (const line of wrap(content, this.segment - 14)) {
        y += LINE
        this.text(middle, y, line, style)
      }
    }
    y += 5
    this.arrow(start, end, y, kind)
    return y + 3
  }

  arrow(start, end, y, kind) {
    const back = Math.sign(start - end)
    this.add('line', { x1: start, y1: y + 0.5, x2: end + back * HEAD, y2: y + 0.5, class: kind })
    this.add('path', { d: `M${end} ${y + 0.5} l${back * 8} -4 v8 z`, class: `head ${kind}` })
  }

  /** A call that did not reach its callee. */
  broken(from, to, top) {
    const [start, end] = [this.x(from), this.x(to)]
    const stop = end - Math.sign(end - start) * 22
    const y = top + LINE + 5
    this.text((start + end) / 2, top + LINE, 'out of reach', 'refused')
    this.add('line', { x1: start, y1: y + 0.5, x2: stop, y2: y + 0.5, class: 'call refused' })
    this.add('path', { d: `M${stop - 4} ${y - 4} l9 9 m0 -9 l-9 9`, class: 'cross' })
    return y + 6
  }

  done(height) {
    this.lines.forEach((line) => line.setAttribute('y2', height))
    this.svg.setAttribute('width', this.width)
    this.svg.setAttribute('height', height)
    this.svg.setAttribute('viewBox', `0 0 ${this.width} ${height}`)
    return this.svg
  }
}
