// Tabs as the ARIA Authoring Practices have them: arrow keys move, Home and End jump, one tab is in the tab order.

/** `onShow` is told the id of the panel that has become visible. */
export function makeTabs(list: HTMLElement, onShow: (panel: string) => void): (tab: string) => void {
  const tabs = [...list.querySelectorAll<HTMLElement>('[role="tab"]')];
  const panelOf = (tab: HTMLElement): string => tab.getAttribute('aria-controls') ?? '';
  const select = (chosen: HTMLElement): void => {
    for (const tab of tabs) {
      const isChosen = tab === chosen;
      tab.setAttribute('aria-selected', String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      const panel = document.getElementById(panelOf(tab));
      if (panel) panel.hidden = !isChosen;
    }
    onShow(panelOf(chosen));
  };
  const moves: Record<string, (at: number) => number> = {
    ArrowRight: (at) => (at + 1) % tabs.length,
    ArrowLeft: (at) => (at - 1 + tabs.length) % tabs.length,
    Home: () => 0,
    End: () => tabs.length - 1,
  };
  tabs.forEach((tab, at) => {
    tab.addEventListener('click', () => select(tab));
    tab.addEventListener('keydown', (event) => {
      const next = tabs[moves[event.key]?.(at) ?? -1];
      if (next === undefined) return;
      event.preventDefault();
      next.focus();
      select(next);
    });
  });
  return (id) => {
    const tab = tabs.find((one) => one.id === id);
    if (tab) select(tab);
  };
}
