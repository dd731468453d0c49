// The page: opens models, shows their parts, saves them. All computing is the worker's; nothing leaves the device.
import { byId, html, sentence } from './dom';
import { EngineClient } from './engine_client';
import { download, filesFromDrop, filesFromInput } from './files';
import type { Event, ModelInfo, NamedFile } from './protocol';
import { showArchitecture } from './views/architecture';
import { makeTabs } from './views/tabs';
import { Training } from './views/training';
import { TryIt } from './views/try_it';
import { showWeights } from './views/weights';

const STAGES: Record<string, string> = { download: 'Downloading', read: 'Reading', write: 'Writing' };
const EXAMPLE = 'examples/digits.h5';

const status = byId('status', HTMLElement);
const errorLine = byId('error', HTMLElement);
const progress = byId('load-progress', HTMLProgressElement);
const openSection = byId('open', HTMLElement);
const stored = byId('open-stored', HTMLSelectElement);
const weights = byId('weights', HTMLElement);

const engine = new EngineClient(hear);
const tryIt = new TryIt(engine, byId('inputs', HTMLElement), byId('outputs', HTMLElement));
const training = new Training(engine, (model) => refresh(model));
const showTab = makeTabs(byId('tabs', HTMLElement), (panel) => {
  if (panel === 'panel-weights') void fillWeights();
});

let weightsShown = false;
let isOpening = false;
let modelName = 'model';

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function hear(event: Event): void {
  if (event.event !== 'progress') {
    training.hear(event);
    return;
  }
  const { loaded, total, stage } = event;
  // Without a value the bar says "under way, no idea how long".
  if (total) progress.value = loaded / total;
  else progress.removeAttribute('value');
  status.textContent = `${STAGES[stage] ?? stage}: ${megabytes(loaded)}${total ? ` of ${megabytes(total)}` : ''}`;
}

function showError(error: unknown): void {
  errorLine.textContent = sentence(error);
  errorLine.hidden = false;
}

function setOpening(opening: boolean): void {
  isOpening = opening;
  openSection.setAttribute('aria-busy', String(opening));
  progress.hidden = !opening;
  progress.removeAttribute('value');
  if (opening) errorLine.hidden = true;
}

/** Shows what `work` opens; what was open stays where it fails. */
async function open(work: () => Promise<ModelInfo>, name: string): Promise<void> {
  if (isOpening) return;
  setOpening(true);
  status.textContent = `Opening ${name}…`;
  try {
    show(await work(), name);
  } catch (error) {
    status.textContent = '';
    showError(error);
  }
  setOpening(false);
}

/** Parts that training changes. */
function refresh(model: ModelInfo): void {
  byId('summary', HTMLElement).textContent = model.summary;
  weightsShown = false;
  if (!byId('panel-weights', HTMLElement).hidden) void fillWeights();
}

function show(model: ModelInfo, source: string): void {
  modelName = model.name;
  byId('model', HTMLElement).hidden = false;
  byId('model-name', HTMLElement).textContent = model.name;
  const warnings = byId('warnings', HTMLElement);
  warnings.replaceChildren(...model.warnings.map((warning) => html('li', {}, warning)));
  warnings.hidden = model.warnings.length === 0;
  byId('store-name', HTMLInputElement).value = model.name.replaceAll('/', '-');
  byId('save-status', HTMLElement).textContent = '';
  showTab('tab-architecture');
  showArchitecture(byId('graph', HTMLElement), model.layers);
  tryIt.show(model);
  training.show(model);
  refresh(model);
  status.textContent = `Opened ${source}: ${model.layers.length} layers.`;
}

async function fillWeights(): Promise<void> {
  if (weightsShown) return;
  weightsShown = true;
  try {
    showWeights(weights, await engine.call('weights'));
  } catch (error) {
    weightsShown = false;
    weights.textContent = sentence(error);
  }
}

async function listStored(): Promise<void> {
  const names = await engine.call('listStored');
  const prompt = html('option', { value: '' }, 'Saved in this browser…');
  stored.replaceChildren(prompt, ...names.map((name) => html('option', { value: name }, name)));
  stored.hidden = names.length === 0;
}

function openFiles(files: NamedFile[]): void {
  const [first] = files;
  if (!first) return;
  void open(() => engine.call('openFiles', files), files.length === 1 ? first.file.name : `a folder of ${files.length} files`);
}

function wireOpening(): void {
  byId('open-example', HTMLButtonElement).addEventListener('click', () => {
    void open(() => engine.call('openUrl', new URL(EXAMPLE, document.baseURI).href), 'the example');
  });
  for (const id of ['open-file', 'open-folder']) {
    const input = byId(id, HTMLInputElement);
    input.addEventListener('change', () => {
      if (input.files) openFiles(filesFromInput(input.files));
      // So that choosing the same file again is a change.
      input.value = '';
    });
  }
  stored.addEventListener('change', () => {
    const name = stored.value;
    stored.selectedIndex = 0;
    if (name !== '') void open(() => engine.call('openStored', name), name);
  });
}

/** The whole page takes drops, so that one beside the frame does not navigate away. */
function wireDropping(): void {
  const zone = byId('drop', HTMLElement);
  const carriesFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false;
  addEventListener('dragover', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    zone.classList.add('over');
  });
  addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) zone.classList.remove('over');
  });
  addEventListener('drop', (event) => {
    if (!event.dataTransfer || !carriesFiles(event)) return;
    event.preventDefault();
    zone.classList.remove('over');
    filesFromDrop(event.dataTransfer).then(openFiles).catch(showError);
  });
}

/** Runs one save with its buttons off, and says how it went. */
async function save(work: () => Promise<string>): Promise<void> {
  const line = byId('save-status', HTMLElement);
  const buttons = document.querySelectorAll<HTMLButtonElement>('#panel-save button');
  for (const each of buttons) each.disabled = true;
  line.textContent = 'Saving…';
  try {
    line.textContent = await work();
  } catch (error) {
    line.textContent = sentence(error);
  }
  for (const each of buttons) each.disabled = false;
}

async function saveFile(format: 'h5' | 'tf', suffix: string): Promise<string> {
  const bytes = await engine.call('save', format);
  const file = modelName.replace(/[^\w.-]+/g, '-') + suffix;
  download(bytes, file);
  return `${file}: ${megabytes(bytes.length)}.`;
}

function wireSaving(): void {
  byId('download-h5', HTMLButtonElement).addEventListener('click', () => void save(() => saveFile('h5', '.h5')));
  byId('download-zip', HTMLButtonElement).addEventListener('click', () => void save(() => saveFile('tf', '.zip')));
  byId('store-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    const name = byId('store-name', HTMLInputElement).value.trim();
    void save(async () => {
      await engine.call('store', name);
      await listStored();
      return `Saved as ${name} in this browser.`;
    });
  });
}

async function start(): Promise<void> {
  wireOpening();
  wireDropping();
  wireSaving();
  // A private window may refuse both; the page works without.
  navigator.serviceWorker?.register('service_worker.js').catch((error: unknown) => console.info(sentence(error)));
  byId('engine', HTMLElement).textContent = await engine.call('engine');
  await listStored();
}

start().catch(showError);
