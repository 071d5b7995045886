import { testSet } from '../set.ts'

testSet('node24')
