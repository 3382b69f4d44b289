// The live sequence: the steps of the story, the newest first. The newest one is open until the next press; older ones fold.

import { drawExchange, drawLifelines } from './drawing.js'
import { backgroundLine, beganAt, createStory, describe, outcomeOf, pathsOf } from './steps.js'

export function startSequence(events, { throughStarship }) {
  const part = (id) => document.getElementById(id)
  const [region, list, empty, news, head, latest] = ['sequence', 'steps', 'sequence-empty', 'sequence-news', 'lifelines', 'sequence-latest'].map(part)
  const [line, samples] = ['background-line', 'background-samples'].map(part)
  const lifelines = ['Browser', ...(throughStarship ? ['Starship'] : []), 'FWO', 'FAS', 'SAS', 'Desk']
  /** By step: its parts, and whether the visitor has opened or folded it. */
  const shown = new Map()
  let isPast = false
  const story = createStory({ throughStarship, changed })

  events.addEventListener('past', ({ data }) => {
    shown.clear()
    list.replaceChildren()
    isPast = true
    story.reset(JSON.parse(data))
    isPast = false
    render()
    drawBackground()
  })
  events.addEventListener('arrow', ({ data }) => story.add(JSON.parse(data)))
  new ResizeObserver(redraw).observe(region)
  part('background').addEventListener('toggle', drawBackground)

  function changed(step) {
    if (isPast) return
    if (!step) drawBackground()
    else if (shown.has(step)) update(step)
    else {
      render()
      region.scrollTop = 0
    }
  }

  /** Adds the steps that are not shown yet, and removes those that the story has dropped. */
  function render() {
    for (const [step, { item }] of shown) {
      if (story.steps.includes(step)) continue
      item.remove()
      shown.delete(step)
    }
    for (const step of story.steps) if (!shown.has(step)) list.prepend(create(step))
    story.steps.forEach(update)
    empty.hidden = story.steps.length > 0
  }

  function create(step) {
    const [item, heading, button, body] = ['li', 'h3', 'button', 'div'].map((name) => document.createElement(name))
    button.type = 'button'
    button.addEventListener('click', () => {
      const view = shown.get(step)
      view.isOpen = !isOpen(step)
      update(step)
    })
    heading.append(button)
    item.append(heading, body)
    item.className = 'step'
    body.className = 'step-body'
    shown.set(step, { item, button, body, isOpen: undefined })
    return item
  }

  const isOpen = (step) => shown.get(step).isOpen ?? step === story.steps.at(-1)

  function update(step) {
    const { button, body } = shown.get(step)
    const outcome = outcomeOf(step)
    button.replaceChildren(...headOf(step, outcome))
    button.setAttribute('aria-expanded', isOpen(step))
    body.hidden = !isOpen(step)
    body.replaceChildren()
    if (isOpen(step)) body.append(...contentOf(step, shown.get(step)))
    if (step !== story.steps.at(-1)) return
    latest.replaceChildren(...headOf(step, outcome))
    const said = `${step.title}${outcome ? `: ${outcome.text}` : ''}.`
    if (outcome && !isPast && news.textContent !== said) news.textContent = said
  }

  function headOf(step, outcome) {
    const { title, kind } = step
    const clock = new Date(beganAt(step)).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' })
    const parts = [element('span', title, kind === 'thief' ? 'step-title refused' : 'step-title')]
    if (outcome) {
      const { text, isRefused } = outcome
      parts.push(' ', element('span', `${isRefused ? '✕' : '✓'} ${text}`, isRefused ? 'outcome refused' : 'outcome'))
    }
    parts.push(' ', element('time', clock))
    return parts
  }

  function contentOf({ items, notice }, view) {
    const parts = items.flatMap(({ exchange, times }) => {
      const drawn = draw(exchange)
      return times > 1 ? [drawn, element('p', `${times} times; the last one is drawn.`, 'step-note')] : [drawn]
    })
    if (items.length === 0) parts.push(element('p', 'No call yet.', 'step-note'))
    if (notice) parts.push(element('p', `The guest sees: “${notice}”`, 'step-note refused'))
    if (items.length > 0) parts.push(pathsIn(items, view))
    return parts
  }

  function draw(exchange) {
    const since = exchange.endedBy?.began ?? 0
    const picture = drawExchange(exchange, since, lifelines, region.clientWidth)
    picture.setAttribute('role', 'img')
    const waited = since ? 'A waiting call ends. ' : ''
    picture.setAttribute('aria-label', waited + describe(exchange.hop, exchange.isThief ? 'The thief' : exchange.hop.from, since))
    return picture
  }

  function pathsIn(items, view) {
    const details = document.createElement('details')
    const paths = element('ol')
    for (const { exchange: { hop, isThief } } of items) {
      paths.append(...pathsOf(hop, isThief ? 'Thief' : hop.from).map((text) => element('li', text)))
    }
    details.append(element('summary', 'Paths'), paths)
    details.className = 'paths'
    details.open = view.showsPaths ?? false
    details.addEventListener('toggle', () => { view.showsPaths = details.open })
    return details
  }

  function drawBackground() {
    line.textContent = backgroundLine(story.background)
    const exchanges = [...story.background.values()].filter(({ count }) => count > 0).map(({ last }) => last)
    samples.replaceChildren(...part('background').open
      ? exchanges.flatMap((exchange) => [element('p', `The last “${exchange.endpoint}”:`, 'step-note'), draw(exchange)])
      : [])
  }

  function redraw() {
    if (region.clientWidth === 0) return
    head.replaceChildren(drawLifelines(lifelines, region.clientWidth))
    story.steps.forEach((step) => shown.has(step) && update(step))
    drawBackground()
  }

  return {
    /** An action of the guest in this page. */
    press: story.press,
    /** A message shown to the guest. */
    notice: story.notice,
  }
}

function element(name, text, kind) {
  const created = document.createElement(name)
  if (text) created.textContent = text
  if (kind) created.className = kind
  return created
}
