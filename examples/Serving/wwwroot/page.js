// Two forms: a message, and a question about a passage.

import { addLatency, follow, showModels } from './live.js';
import { ask, Refusal } from './service.js';
import { asPercent, showAnswers, showClasses, showNames, showWords } from './show.js';

const byId = id => document.getElementById(id);

/** What a form does: `read` asks the service and shows the answers; it returns what is announced: the main thing, and the rest. */
function connect(name, fields, read) {
  const form = byId(`${name}-form`), problem = byId(`${name}-problem`), summary = byId(`${name}-summary`), results = byId(`${name}-results`);
  let isBusy = false;

  form.addEventListener('submit', async event => {
    event.preventDefault();
    if (isBusy)
      return;
    problem.hidden = true;
    const empty = fields.find(field => field.value.trim() === '');
    for (const field of fields)
      field.toggleAttribute('aria-invalid', field === empty);
    if (empty) {
      tell(`${empty.labels[0].textContent} is empty. Type a text first.`);
      empty.focus();
      return;
    }

    isBusy = true;
    form.setAttribute('aria-busy', 'true');
    try {
      const [main, rest] = await read(...fields.map(field => field.value));
      const strong = document.createElement('strong');
      strong.append(main);
      summary.replaceChildren(strong, ` ${rest}`);
      results.hidden = false;
    } catch (refused) {
      if (!(refused instanceof Refusal))
        console.error(refused);
      tell(refused instanceof Refusal ? refused.message : 'The page cannot show the answer.');
    } finally {
      isBusy = false;
      form.removeAttribute('aria-busy');
    }
  });

  form.addEventListener('keydown', event => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey))
      form.requestSubmit();
  });
  for (const example of form.querySelectorAll('button[data-text]'))
    example.addEventListener('click', () => {
      fields.at(-1).value = example.dataset.text;
      form.requestSubmit();
    });

  function tell(words) {
    problem.textContent = words;
    problem.hidden = false;
    summary.textContent = '';
    results.hidden = true;
  }
}

connect('message', [byId('message')], async text => {
  const { answer: { queue, entities }, milliseconds } = await ask('predict', { models: ['queue', 'entities'], row: { Text: text } });
  addLatency(milliseconds);
  const { answer: words } = await ask('explain', { Text: text });
  showClasses(byId('queue'), queue.Score);
  showWords(byId('words'), byId('weights'), text, words);
  showNames(byId('names'), text, entities.Found);
  const names = entities.Found.length;
  return [queue.PredictedLabel, `${asPercent(queue.Score[queue.PredictedLabel])} sure, ${names === 0 ? 'no names' : names === 1 ? '1 name' : `${names} names`}`];
});

connect('question', [byId('passage'), byId('question')], async (passage, question) => {
  const { answer: { Answer: answers }, milliseconds } = await ask('predict/answers', { Context: passage, Question: question });
  addLatency(milliseconds);
  showAnswers(byId('answer'), byId('candidates'), passage, answers);
  const [best] = answers;
  return [best.start === null ? 'The passage does not say' : `“${best.text}”`, `${asPercent(best.score)} sure`];
});

follow();
ask('models').then(({ answer }) => showModels(answer)).catch(() => { });
