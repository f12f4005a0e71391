import { vi } from 'vitest';

type Callback = (entries: readonly Partial<ResizeObserverEntry & IntersectionObserverEntry>[]) => void;

class FakeObserver {
  static readonly all: FakeObserver[] = [];
  readonly callback: Callback;
  readonly elements = new Set<Element>();

  constructor(callback: Callback) {
    this.callback = callback;
    FakeObserver.all.push(this);
  }

  observe(element: Element): void {
    this.elements.add(element);
  }

  disconnect(): void {
    this.elements.clear();
  }
}

class FakeResizeObserver extends FakeObserver {}
class FakeIntersectionObserver extends FakeObserver {}

/** What a browser tells of elements and of the page: here the test does. */
export class FakePage extends EventTarget {
  visibilityState: DocumentVisibilityState = 'visible';

  static install(devicePixelRatio = 1): FakePage {
    FakeObserver.all.length = 0;
    const page = new FakePage();
    vi.stubGlobal('ResizeObserver', FakeResizeObserver);
    vi.stubGlobal('IntersectionObserver', FakeIntersectionObserver);
    vi.stubGlobal('document', page);
    vi.stubGlobal('window', { devicePixelRatio });
    return page;
  }

  resizes(element: Element, width: number, height: number): void {
    const contentRect = { width, height } as DOMRectReadOnly;
    this.#tell(FakeResizeObserver, element, { contentRect });
  }

  scrolls(element: Element, isIntersecting: boolean): void {
    this.#tell(FakeIntersectionObserver, element, { isIntersecting });
  }

  turns(state: DocumentVisibilityState): void {
    this.visibilityState = state;
    this.dispatchEvent(new Event('visibilitychange'));
  }

  /** Observers that still look at something. */
  get watching(): number {
    return FakeObserver.all.filter(({ elements }) => elements.size > 0).length;
  }

  #tell(
    kind: typeof FakeObserver,
    element: Element,
    entry: Partial<ResizeObserverEntry & IntersectionObserverEntry>,
  ): void {
    for (const observer of FakeObserver.all) {
      if (observer instanceof kind && observer.elements.has(element)) observer.callback([entry]);
    }
  }
}
