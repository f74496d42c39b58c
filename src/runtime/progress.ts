const WIDTH = 30;

/** Shows how far work has come: a bar that moves on a terminal, a line for every tenth elsewhere. */
export function showProgress(total: number): (done: number) => void {
  const { stderr } = process;
  let tenth = 0;
  return (done) => {
    const share = done / total;
    if (stderr.isTTY) {
      const bar = "#".repeat(Math.round(share * WIDTH)).padEnd(WIDTH, "-");
      stderr.write(`\r[${bar}] ${done}/${total}${done === total ? "\n" : ""}`);
    } else if (Math.floor(share * 10) > tenth) {
      tenth = Math.floor(share * 10);
      stderr.write(`${done}/${total}\n`);
    }
  };
}
