// Loaded before each example of the documentation: nothing may leave this machine.
import net from 'node:net'

const connect = net.Socket.prototype.connect
const here = ['localhost', '127.0.0.1', '::1', undefined]

net.Socket.prototype.connect = function (...args) {
  const [target, host] = Array.isArray(args[0]) ? args[0] : args
  const asked = typeof target === 'object' ? target.host : host
  if (here.includes(asked)) return connect.apply(this, args)
  throw new Error(`Examples run offline, but this one asked for ${asked}`)
}
