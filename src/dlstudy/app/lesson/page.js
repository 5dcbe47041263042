/* Which page this is: its base, file, lesson, title and exercises, as bar.py writes them. */
export const page = JSON.parse(document.getElementById("dls-page").textContent);
