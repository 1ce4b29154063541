// The figures of the service, twice a second, and the times of this page's requests.

const shown = 40;
const waiting = [], latencies = [];
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

const byId = id => document.getElementById(id);

/** Adds the time of a request that was answered. */
export function addLatency(milliseconds) {
  add(latencies, milliseconds, 'latency-curve');
  byId('last').textContent = whole.format(milliseconds);
}

/** Follows the service until the page is closed; the browser connects again by itself. */
export function follow() {
  const events = new EventSource('live');
  let before = null;
  events.onmessage = event => {
    const now = JSON.parse(event.data);
    add(waiting, now.waiting, 'waiting-curve');
    byId('waiting').textContent = whole.format(now.waiting);
    byId('waiting-unit').textContent = now.waiting === 1 ? 'row waits' : 'rows wait';
    byId('answers').textContent = whole.format(now.answers);
    if (before === null ? now.answers > 0 : now.answers > before.answers) {
      const since = before ?? { answers: 0, seconds: 0 };
      byId('mean').textContent = whole.format(1000 * (now.seconds - since.seconds) / (now.answers - since.answers));
    }
    before = now;
  };
  events.onerror = () => byId('waiting').textContent = '–';
}

/** Says which models there are. */
export function showModels(models) {
  byId('models').textContent = models.length;
  byId('model-sizes').textContent = models.map(({ name, fileBytes }) => `${name} ${size(fileBytes)}`.replaceAll(' ', '\u00a0')).join(', ');
}

const size = bytes => bytes < 1e5 ? `${whole.format(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

function add(values, value, curve) {
  values.push(value);
  if (values.length > shown)
    values.shift();
  const highest = Math.max(...values, 1);
  const points = values.map((each, i) => `${(120 * i / (shown - 1)).toFixed(1)},${(23 - 22 * each / highest).toFixed(1)}`);
  byId(curve).querySelector('path').setAttribute('d', values.length > 1 ? `M${points.join('L')}` : `M0,${points[0].split(',')[1]}H120`);
}
