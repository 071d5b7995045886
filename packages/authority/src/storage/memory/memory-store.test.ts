import { describeStore } from '../store.contract.ts'
import { createMemoryStore } from './memory-store.ts'

describeStore('the memory store', () => Promise.resolve(createMemoryStore()))
