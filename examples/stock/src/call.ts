import { firstValueFrom } from 'rxjs';
import { startCaller } from './caller.js';

const [service = 'shop', pattern = 'stock.reserve', item = 'tea'] = process.argv.slice(2);
const { stock, close } = await startCaller('acme', service, 5900);
try {
  console.log(JSON.stringify(await firstValueFrom(stock.send<unknown>(pattern, item))));
} catch (refusal) {
  console.log(JSON.stringify(refusal));
  process.exitCode = 1;
} finally {
  await close();
}
