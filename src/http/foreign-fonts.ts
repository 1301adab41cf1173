/** What the templates of Swagger UI and of the queue board ask of another server: nothing else, and nothing that they need. */
const LINKS = /<link href="https:\/\/fonts\.googleapis\.com[^>]*>/g;

/** A page as a package has rendered it, without web fonts: it looks the same, and works offline. */
export const withoutForeignFonts = (html: string): string => html.replace(LINKS, '');
