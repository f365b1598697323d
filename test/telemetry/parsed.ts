/** The text format of Prometheus, read back: values by labels, in alphabetical order. */
export function parsed(text: string) {
  const samples = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, labels = '', value] =
        /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
      if (name === undefined) throw new Error(`no line of Prometheus: ${line}`)
      return { name, labels: labelsOf(labels), value: Number(value) }
    })
  return {
    names: [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => ({ name, type })),
    of: (name: string): Record<string, number> =>
      Object.fromEntries(
        samples.filter((one) => one.name === name).map(({ labels, value }) => [labels, value]),
      ),
  }
}

const labelsOf = (text: string): string =>
  [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)]
    .map(([, name, value]) => `${name}=${value}`)
    .sort()
    .join()
