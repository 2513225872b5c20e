/**
 * Runs in <head> before the first paint, so the page never flashes in the wrong theme. `system`
 * follows the machine while the page is open too. Plain ES5: it is inlined as text.
 */
export const THEME_KEY = "slipway.theme";

export const themeScript = `(function(){
var q=matchMedia("(prefers-color-scheme: dark)");
function apply(){var t="system";try{t=localStorage.getItem("${THEME_KEY}")||"system"}catch(e){}
document.documentElement.dataset.theme=t==="system"?(q.matches?"dark":"light"):t;
document.documentElement.dataset.themeChoice=t}
apply();q.addEventListener("change",apply);addEventListener("storage",apply);addEventListener("slipway:theme",apply)})()`;
