// Tests of waiting in several tabs: one waits for all, and each dispatches all messages.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Conversations } from './conversation.mjs'
import { CONVERSATION, LOST, startService } from './service.mjs'
import { MESSAGES, next } from './session.mjs'
import { Browser, Locks } from './tabs.mjs'

/** Runs a test with a browser, and ends its session. */
async function withBrowser(page, run) {
  const desk = new Conversations()
  const service = await startService({}, desk.respond)
  const browser = new Browser(service, page)
  const first = browser.open()
  const heard = async (tab, count) => {
    while (tab.bodies.length < count) await next(tab.session, 'message')
  }
  const reads = () => service.calls.filter(({ path, method }) => path === MESSAGES && method === 'GET')
  try {
    await first.session.openConversation()
    await desk.until(1)
    await run({ desk, service, browser, first, heard, reads })
  } finally {
    await first.session.end().catch(() => {})
    service.stop()
  }
}

const locks = () => ({ locks: new Locks() })

test('one tab waits, and each dispatches every message once', () => withBrowser(locks(), async ({ desk, browser, first, heard, reads }) => {
  desk.add('0')
  await heard(first, 1)
  const tabs = [first]
  for (let count = 0; count < 2; count++) {
    const tab = browser.open()
    tabs.push(tab)
    await tab.session.resume()
    await heard(tab, 1)
    await desk.until(1)
  }
  const before = reads().length
  desk.add('1')
  await Promise.all(tabs.map((tab) => heard(tab, 2)))
  await desk.until(1)
  // The leader's answer, and its next wait.
  assert.equal(reads().length, before + 1)
  await tabs[0].session.send('2')
  await Promise.all(tabs.map((tab) => heard(tab, 3)))
  assert.deepEqual(tabs.map(({ bodies }) => bodies), Array(3).fill(['0', '1', '2']))
  await desk.until(1)
}))

test('the tab that was shown last waits', () => withBrowser(locks(), async ({ desk, browser, first, heard }) => {
  const second = browser.open()
  const taken = [...desk.waiting][0].closed
  await second.session.resume()
  await taken
  await desk.until(1)
  const waitOfSecond = [...desk.waiting][0]
  browser.show(first)
  await waitOfSecond.closed
  await desk.until(1)
  desk.add('0')
  await Promise.all([first, second].map((tab) => heard(tab, 1)))
}))

test('a hidden tab that is opened does not take the lock, and waits once the leader leaves', () =>
  withBrowser(locks(), async ({ desk, browser, first, heard, reads }) => {
    desk.add('0')
    await heard(first, 1)
    await desk.until(1)
    const [wait] = desk.waiting
    const second = browser.open({ isHidden: true })
    await second.session.resume()
    await heard(second, 1)
    await desk.until(1)
    assert.equal([...desk.waiting][0], wait)
    first.session.leave()
    await wait.closed
    await desk.until(1)
    desk.add('1')
    await heard(second, 2)
    assert.deepEqual([first.bodies, second.bodies], [['0'], ['0', '1']])
    assert.match(reads().at(-1).url, /\?wait=25&tab=\d+$/)
    second.session.leave()
    await first.session.resume()
  }))

test('a page that is hidden for good lets go of the lock, and takes it when it is shown again', () =>
  withBrowser(locks(), async ({ desk, browser, first, heard }) => {
    const second = browser.open({ isHidden: true })
    await second.session.resume()
    const [wait] = desk.waiting
    first.window.dispatchEvent(new Event('pagehide'))
    await wait.closed
    await desk.until(1)
    desk.add('0')
    await heard(second, 1)
    await desk.until(1)
    const [waitOfSecond] = desk.waiting
    globalThis.document = first.document
    first.window.dispatchEvent(new Event('pageshow'))
    await waitOfSecond.closed
    await heard(first, 1)
    assert.deepEqual([first.bodies, second.bodies], [['0'], ['0']])
  }))

test('a follower reads what is missing before a message that it is passed', () =>
  withBrowser(locks(), async ({ desk, browser, first, heard, reads }) => {
    ;['0', '1', '2', '3'].forEach((body) => desk.add(body))
    await heard(first, 4)
    await desk.until(1)
    const second = browser.open({ isHidden: true })
    let serve
    const isServed = new Promise((resolve) => { serve = resolve })
    let failures = 2
    // Its first reads are lost, and the next one is late.
    desk.fault = async ({ url, method }, when) => {
      if (method !== 'GET' || url.includes('wait') || when === 'before') return undefined
      if (failures-- > 0) return LOST
      return void await isServed
    }
    await second.session.resume()
    for (const body of ['4', '5']) {
      desk.add(body)
      await next(first.session, 'message')
    }
    assert.deepEqual(second.bodies, [])
    serve()
    await heard(second, 6)
    assert.deepEqual(second.bodies, ['0', '1', '2', '3', '4', '5'])
    assert.ok(reads().filter(({ url }) => !url.includes('wait')).length <= 6)
  }))

test('all tabs hear that the conversation was closed, and follow the next one from its beginning', () =>
  withBrowser(locks(), async ({ desk, browser, first, heard }) => {
    const second = browser.open()
    await second.session.resume()
    desk.add('0')
    await Promise.all([first, second].map((tab) => heard(tab, 1)))
    desk.close()
    await Promise.all([first, second].map(({ session, closed }) => closed.length || next(session, 'closed')))
    const { conversationSid } = await first.session.openConversation()
    assert.notEqual(conversationSid, CONVERSATION)
    desk.add('new')
    await Promise.all([first, second].map((tab) => heard(tab, 2)))
    assert.deepEqual([first, second].map(({ bodies, closed }) => [bodies, closed]), Array(2).fill([['0', 'new'], [CONVERSATION]]))
    await desk.until(1)
  }))

const denied = { request: async () => { throw new DOMException('denied', 'SecurityError') } }
for (const [what, page] of [['are missing', {}], ['are denied', { locks: denied }], ['exist without channels', { ...locks(), isNotified: false }]]) {
  test(`each tab waits if locks ${what}`, () => withBrowser(page, async ({ desk, browser, first, heard }) => {
    const second = browser.open()
    await second.session.resume()
    await desk.until(2)
    desk.add('0')
    await Promise.all([first, second].map((tab) => heard(tab, 1)))
    await desk.until(2)
    assert.deepEqual([first.bodies, second.bodies], [['0'], ['0']])
    second.session.leave()
    await desk.until(1)
  }))
}

test('tabs of different sessions wait on their own', () => withBrowser({ ...locks(), storageIsBlocked: true }, async ({ desk, browser, first, heard }) => {
  // Without storage each tab has a session of its own.
  desk.opened.push({ sid: CONVERSATION.replace(/1$/, '2'), messages: [], state: 'active' })
  const second = browser.open()
  await second.session.openConversation()
  await desk.until(2)
  desk.add('0')
  await heard(second, 1)
  await desk.until(2)
  assert.deepEqual(first.bodies, [])
  await second.session.end()
}))

test('a message that one tab sends reaches all tabs, even if the service has no place to wait', () =>
  withBrowser(locks(), async ({ desk, browser, first, heard }) => {
    const second = browser.open({ isHidden: true })
    await second.session.resume()
    const empty = [200, { messages: [], state: 'active' }, { 'retry-after': '600' }]
    desk.fault = ({ method }, when) => method === 'GET' && when === 'after' ? empty : undefined
    await second.session.send('0')
    assert.deepEqual(second.bodies, ['0'])
    await heard(first, 1)
  }))
