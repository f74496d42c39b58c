// All that the driver's types need of Node's, which would bring Node's globals with them.
declare module "events" {
  export class EventEmitter {
    on(event: string, listener: (...args: never[]) => void): this;
  }
}
