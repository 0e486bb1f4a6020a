/** Text that is already HTML. Everything else that is put into a template is escaped. */
export interface Html {
  readonly html: string;
}

type Piece = Html | string | number | readonly Piece[];

/**
 * HTML with every value escaped unless it is itself `Html`; lists are joined. A method name from somebody's file
 * cannot become markup, because there is no other way to build the page.
 *
 * @example
 * html`<td>${'<b>'}</td>`.html // '<td>&lt;b&gt;</td>'
 */
export function html(strings: TemplateStringsArray, ...values: readonly Piece[]): Html {
  return { html: strings.reduce((page, string, index) => page + rendered(values[index - 1]!) + string) };
}

/** Marks text as HTML that was built elsewhere and needs no escaping: a serialized figure, a constant. */
export function trusted(text: string): Html {
  return { html: text };
}

function rendered(piece: Piece): string {
  if (typeof piece === 'string') return escaped(piece);
  if (typeof piece === 'number') return String(piece);
  return 'html' in piece ? piece.html : piece.map(rendered).join('');
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}
