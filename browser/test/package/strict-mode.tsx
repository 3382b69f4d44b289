// A React component with a session, in StrictMode: React mounts it, unmounts it and mounts it again. The page reports the
// shown messages, unmounts the component after the second one, and then reports the number of mounts, as soon as no lock is
// held any more.
import { StrictMode, useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { createSession, WebchatError, type ChatMessage } from 'webchat-session'
import { report } from './report.js'

const root = createRoot(document.body.appendChild(document.createElement('div')))
let mounts = 0

function Chat({ name }: { name?: string }) {
  const [messages, setMessages] = useState<ChatMessage[]>([])
  useEffect(() => {
    mounts += 1
    const session = createSession({ endpoint: '/chat', deploymentKey: 'CV00000000000000000000000000000001' })
    session.addEventListener('message', ({ detail }) => setMessages((shown) => [...shown, detail.message]))
    session.openConversation({ customerFriendlyName: name }).catch((error: unknown) => {
      // `leave()` ends the calls of the first mount.
      if (!(error instanceof WebchatError && error.code === 'no_session')) throw error
    })
    return () => {
      session.leave()
      setMessages([])
    }
  }, [name])
  useEffect(() => {
    if (messages.length === 0) return
    void report(messages.map(({ body }) => body))
    if (messages.length === 2) void unmount()
  }, [messages])
  return <ol>{messages.map(({ sid, body }) => <li key={sid}>{body}</li>)}</ol>
}

async function unmount() {
  root.unmount()
  for (let locks = 1; locks > 0;) {
    const { held = [], pending = [] } = await navigator.locks.query()
    locks = held.length + pending.length
  }
  await report({ mounts })
}

root.render(<StrictMode><Chat name="Ada" /></StrictMode>)
