// Writes what is made from each .proto file, the types of its messages and its descriptor: `npm run proto`.
// With --check it writes nothing, and fails where what is committed is not what it would write.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { loadSync } from '@grpc/proto-loader'

const at = (name) => fileURLToPath(new URL(`../src/wire/proto/${name}`, import.meta.url))

/** What is made of each begins with this. */
const sources = { 'service_registry.proto': '', 'switchgear.proto': 'switchgear-' }

const nameOf = (fullName) => fullName.slice(fullName.lastIndexOf('.') + 1)
const plain = { TYPE_STRING: 'string', TYPE_BOOL: 'boolean' }

function typeOf({ type, typeName }) {
  if (type === 'TYPE_MESSAGE') return nameOf(typeName)
  return plain[type] ?? 'number' // also an enum: numbers that nobody defined can come in
}

function fieldOf(field, nested) {
  const { name, label, type, typeName } = field
  const map = nested.find((one) => one.options?.mapEntry && one.name === typeName)
  if (map) return `readonly ${name}: Readonly<Record<string, ${typeOf(map.field[1])}>>`
  if (label === 'LABEL_REPEATED') return `readonly ${name}: readonly ${typeOf(field)}[]`
  return `readonly ${name}: ${typeOf(field)}${type === 'TYPE_MESSAGE' ? ' | null' : ''}`
}

const interfaceOf = (name, { field, nestedType = [] }) =>
  [`export interface ${name} {`, ...field.map((one) => `  ${fieldOf(one, nestedType)}`), '}'].join(
    '\n',
  )

const tableOf = (name, { value }) =>
  [
    `export const ${name} = {`,
    ...value.map(({ name, number }) => `  ${name}: ${number},`),
    '} as const',
  ].join('\n')

function partsOf([name, { format, type }]) {
  if (format === undefined) return [] // the service
  if (format.includes('EnumDescriptorProto')) return [tableOf(nameOf(name), type)]
  return [...type.enumType.map((one) => tableOf(one.name, one)), interfaceOf(nameOf(name), type)]
}

const made = (file) => `// Made by \`npm run proto\` from ${file}; change that file instead.\n`
const read =
  '// As they are read: what was not sent is there with its default, a message that was not sent is null.'

// What proto-loader gives of a map is a message that is named like the field, and references without their package.
// protoc and grpcurl refuse both, so reflection needs a descriptor as protoc writes it.
const ofLoader = createRequire(createRequire(import.meta.url).resolve('@grpc/proto-loader'))
const { FileDescriptorProto } = ofLoader('protobufjs/ext/descriptor')

function descriptorOf(definition, name) {
  const anyOfThem = Object.values(definition).find((one) => one.fileDescriptorProtos)
  const file = FileDescriptorProto.decode(anyOfThem.fileDescriptorProtos[0])
  const top = `.${file.package}`
  for (const message of file.messageType) repair(message, `${top}.${message.name}`, top)
  for (const { method } of file.service)
    for (const one of method) {
      one.inputType = `${top}.${nameOf(one.inputType)}`
      one.outputType = `${top}.${nameOf(one.outputType)}`
    }
  return FileDescriptorProto.encode({ ...file, name, syntax: 'proto3' })
}

function repair({ field, nestedType, enumType }, path, top) {
  const inside = [...nestedType, ...enumType].map(({ name }) => name)
  for (const one of field.filter(({ typeName }) => typeName)) {
    const map = nestedType.find(({ name, options }) => options?.mapEntry && name === one.typeName)
    if (map) map.name = entryName(one.name)
    one.typeName = map
      ? `${path}.${map.name}`
      : `${inside.includes(one.typeName) ? path : top}.${nameOf(one.typeName)}`
  }
}

const entryName = (field) =>
  `${field.replace(/(?:^|_)([a-z])/g, (_, letter) => letter.toUpperCase())}Entry`

/** In lines, as no line of source is that long. */
const textOf = (text) =>
  `[\n${text
    .match(/.{1,90}/g)
    .map((line) => `  '${line}',`)
    .join('\n')}\n].join('')`

function filesOf([name, prefix]) {
  const definition = loadSync(at(name), { keepCase: true })
  const parts = Object.entries(definition).flatMap(partsOf)
  const { root } = ofLoader('protobufjs').parse(readFileSync(at(name), 'utf8'), { keepCase: true })
  const descriptor = Buffer.from(descriptorOf(definition, name).finish()).toString('base64')
  return [
    [`${prefix}messages.ts`, `${[made(name) + read, ...parts].join('\n\n')}\n`],
    [
      `${prefix}descriptor.ts`,
      `${made(name)}
/** The file as protobufjs has it, in JSON: so nobody has to find and read the file. */
export const schema: string = ${textOf(JSON.stringify(root.toJSON()))}

/** The file as a FileDescriptorProto, in base64. */
export const descriptor: string = ${textOf(descriptor)}
`,
    ],
  ]
}

for (const [name, text] of Object.entries(sources).flatMap(filesOf)) {
  if (!process.argv.includes('--check')) writeFileSync(at(name), text)
  else if (readFileSync(at(name), 'utf8') !== text)
    throw new Error(`src/wire/proto/${name} is not as its .proto file says; run: npm run proto`)
}
