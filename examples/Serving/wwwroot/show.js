// What the models say, as elements. Texts become text nodes, so markup in them is shown as it was typed.

const percent = new Intl.NumberFormat('en', { style: 'percent' });
const signed = new Intl.NumberFormat('en', { signDisplay: 'exceptZero', minimumFractionDigits: 2, maximumFractionDigits: 2 });

export const asPercent = share => share > 0 && share < 0.005 ? '<1%' : share < 1 && share >= 0.995 ? '>99%' : percent.format(share);

function element(name, className, ...children) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children);
  return made;
}

/** A bar per item: { name, share from -1 to 1, value }. The bar repeats in length what the value says in words. */
function showBars(list, items) {
  list.replaceChildren(...items.map(({ name, share, value }) => {
    const bar = element('span', 'bar');
    bar.style.width = `${100 * Math.abs(share)}%`;
    const track = element('span', 'track', bar);
    track.setAttribute('aria-hidden', 'true');
    return element('li', share < 0 ? 'against' : '', element('span', 'name', name), track, element('span', 'value', value));
  }));
}

/** The text with parts of it in elements: { start, end, make: words => element }. */
function showParts(paragraph, text, parts) {
  const nodes = [];
  let shown = 0;
  for (const { start, end, make } of [...parts].sort((one, other) => one.start - other.start)) {
    if (start < shown)
      continue;
    nodes.push(text.slice(shown, start), make(text.slice(start, end)));
    shown = end;
  }
  paragraph.replaceChildren(...nodes, text.slice(shown));
}

/** Classes by their scores, best first. */
export function showClasses(list, scores) {
  const items = Object.entries(scores).sort((one, other) => other[1] - one[1]);
  showBars(list, items.map(([name, score]) => ({ name, share: score, value: asPercent(score) })));
}

/** Words whose weights are large in the text, and the largest as a list. */
export function showWords(paragraph, list, text, words) {
  const largest = Math.max(...words.map(word => Math.abs(word.weight)), Number.MIN_VALUE);
  const strong = words.filter(word => Math.abs(word.weight) >= largest / 5).sort((one, other) => Math.abs(other.weight) - Math.abs(one.weight)).slice(0, 5);
  showParts(paragraph, text, strong.map(({ start, length, weight }) => ({
    start,
    end: start + length,
    make: word => element('mark', weight < 0 ? 'against' : Math.abs(weight) < largest / 2 ? 'for slightly' : 'for', word),
  })));
  showBars(list, strong.map(({ start, length, weight }) => ({
    name: text.slice(start, start + length), share: weight / largest, value: signed.format(weight).replace('-', '\u2212'),
  })));
}

/** Entities with their type beside them. */
export function showNames(paragraph, text, entities) {
  showParts(paragraph, text, entities.map(({ type, start, end }) => ({
    start, end, make: words => element('mark', 'entity', words, element('span', 'type', ` ${type.toLowerCase()}`)),
  })));
}

/** The best answer in its passage, and all of them with their scores. */
export function showAnswers(paragraph, list, passage, answers) {
  const [best] = answers;
  showParts(paragraph, passage, best.start === null ? [] : [{ start: best.start, end: best.end, make: words => element('mark', 'answer', words) }]);
  showBars(list, answers.map(({ text, score }) => ({ name: text || 'The passage does not say', share: score ?? 0, value: asPercent(score ?? 0) })));
}
