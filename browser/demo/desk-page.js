// Entry point of the page `/desk`: the desk's panel in a tab of its own.

import { startDesk } from './desk.js'

const title = document.title
startDesk(document.getElementById('desk'), new EventSource('events'), {
  isPanel: false,
  waiting: (count) => { document.title = count > 0 ? `(${count}) ${title}` : title },
})
