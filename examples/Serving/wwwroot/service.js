// Requests to the service, and its refusals in plain words.

/** What to tell the person at the page. */
export class Refusal extends Error {}

const plain = {
  400: () => 'The service cannot read this text.',
  401: () => 'The service asks for a key, which this page does not have.',
  404: () => 'The service does not have this model.',
  413: () => 'The text is too long. Shorten it and try again.',
  429: seconds => `Too many requests. Try again ${when(seconds)}.`,
  503: seconds => `The service is busy or shuts down. Try again ${when(seconds)}.`,
};

const when = seconds => seconds ? `in ${seconds} second${seconds === '1' ? '' : 's'}` : 'later';

/** Sends a request with JSON, and reads the answer. */
export async function ask(path, body) {
  const started = performance.now();
  let response;
  try {
    response = await fetch(path, body && { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  } catch {
    throw new Refusal('The service cannot be reached. Is it still running?');
  }
  if (!response.ok)
    throw new Refusal(await describe(response));

  return { answer: await response.json(), milliseconds: performance.now() - started };
}

async function describe(response) {
  const problem = await response.json().catch(() => ({}));
  const words = plain[response.status]?.(response.headers.get('Retry-After')) ?? 'The service could not answer.';
  return problem.detail ? `${words} It says: ${problem.detail}` : `${words} (Status ${response.status}.)`;
}
