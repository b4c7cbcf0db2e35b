// Collects faults by the row that runs, each once.

export class Report {
    constructor() {
        this.rows = [];
        this.current = { name: 'every frame', faults: new Set() };
        this.rows.push(this.current);
    }

    fault(text) { this.current.faults.add(text); }

    check(good, text) {
        if (!good) this.fault(text);
        return Boolean(good);
    }

    shape(faults, what) { faults.forEach((f) => this.fault(`${what}: ${f}`)); }

    async row(name, steps) {
        this.current = { name, faults: new Set() };
        this.rows.push(this.current);
        const started = Date.now();
        try { await steps(); } catch (problem) { this.fault(problem.stack); }
        console.log(`${this.current.faults.size ? 'not ok' : 'ok'} - ${name} (${Date.now() - started} ms)`);
        for (const text of this.current.faults) console.log(`    ${text}`);
        [this.current] = this.rows;
    }

    end() {
        for (const text of this.rows[0].faults) console.log(`not ok - every frame\n    ${text}`);
        return this.rows.some((row) => row.faults.size) || this.rows.length === 1 ? 1 : 0;
    }
}
