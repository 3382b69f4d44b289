// On a narrow page, guest and desk are two tabs of one card, and the sequence is folded. On a wide one all are side by side.

/** Also in demo.css. */
const TABBED = matchMedia('(max-width: 76rem)')

export function startTabs() {
  const tabs = [...document.querySelectorAll('[role=tab]')]
  const panelOf = (tab) => document.getElementById(tab.getAttribute('aria-controls'))
  const fold = document.getElementById('sequence-fold')
  let chosen = tabs[0]

  function apply() {
    for (const tab of tabs) {
      const panel = panelOf(tab)
      const isChosen = tab === chosen
      tab.setAttribute('aria-selected', isChosen)
      tab.tabIndex = isChosen ? 0 : -1
      panel.classList.toggle('not-chosen', !isChosen)
      if (TABBED.matches) panel.setAttribute('role', 'tabpanel')
      else panel.removeAttribute('role')
    }
  }

  function choose(tab) {
    chosen = tab
    badge(tab, 0)
    apply()
  }

  /** Shows a number beside a tab's name. */
  function badge(tab, count, text = '') {
    const [dots, words] = tab.querySelectorAll('span')
    dots.textContent = count > 0 ? ` ●${count}` : ''
    words.textContent = count > 0 ? `, ${text}` : ''
  }

  tabs.forEach((tab, place) => {
    tab.addEventListener('click', () => choose(tab))
    tab.addEventListener('keydown', ({ key }) => {
      const to = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: tabs.length - 1 }[key]
      if (to === undefined) return
      choose(tabs.at(to % tabs.length))
      chosen.focus()
    })
  })
  TABBED.addEventListener('change', apply)
  fold.addEventListener('click', () => {
    const isOpen = fold.getAttribute('aria-expanded') === 'false'
    fold.setAttribute('aria-expanded', isOpen)
    fold.textContent = isOpen ? 'Hide' : 'Show'
  })
  apply()

  const [guest, desk] = tabs
  let unread = 0
  return {
    showDesk: () => choose(desk),
    waiting: (count) => badge(desk, count, `${count} waiting for an answer`),
    /** A message for the guest. */
    news() {
      unread = chosen === guest ? 0 : unread + 1
      badge(guest, unread, `${unread} new`)
    },
  }
}
