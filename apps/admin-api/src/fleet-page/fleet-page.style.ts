/** The page's own stylesheet. What colour says is said in words as well. */
export const STYLE = `
:root { font: 100%/1.5 system-ui, sans-serif; color: #1b1b1b; background: #fff; }
body { margin: 0 auto; padding: 0 1rem 3rem; max-width: 90rem; }
header { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: center; border-bottom: 2px solid #1b1b1b; padding: .75rem 0; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
a { color: #0b4a94; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; list-style: none; margin: 0; padding: 0; }
nav a { display: inline-block; padding: .25rem 0; }
header form { margin-left: auto; }
:focus-visible { outline: 3px solid #0b4a94; outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid #767676; overflow-wrap: break-word; }
thead th { background: #ececec; }
tbody th { min-width: 9rem; }
.counts { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: 0 2rem; }
.bad { font-weight: 700; color: #9b1c1c; }
form.filter { display: flex; flex-wrap: wrap; gap: .75rem; align-items: end; margin: .5rem 0 1rem; }
label { display: block; font-size: .9rem; }
input, select, textarea, button { font: inherit; padding: .3rem .5rem; border: 1px solid #595959; border-radius: 3px; background: #fff; color: inherit; }
button { background: #0b4a94; color: #fff; border-color: #0b4a94; cursor: pointer; }
textarea { width: 100%; box-sizing: border-box; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
@media (max-width: 45rem) {
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, tbody, tr, td, tbody th { display: block; }
  tr { border: 1px solid #767676; margin: 0 0 .6rem; padding: .25rem 0; }
  td, tbody th { display: grid; grid-template-columns: 8rem minmax(0, 1fr); gap: .5rem; border: 0; padding: .15rem .6rem; font-weight: 400; }
  td::before, tbody th::before { content: attr(data-label); font-weight: 700; }
  header form { margin-left: 0; }
  tbody th { min-width: 0; }
}
`;
