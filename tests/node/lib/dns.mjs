// A resolver on loopback that has TXT records of its own, over UDP. A name that was not given to it does not exist.
import { createSocket } from 'node:dgram';

/** { port, texts, stop }: `texts` is a Map of names to the one text that stands there. */
export async function openDns() {
  const texts = new Map();
  const socket = createSocket('udp4');
  socket.on('message', (question, from) => {
    let end = 12;
    const labels = [];
    while (question[end] > 0) {
      labels.push(question.subarray(end + 1, end + 1 + question[end]).toString('ascii'));
      end += question[end] + 1;
    }
    end += 5;   // the last label's end, the type and the class
    const text = texts.get(labels.join('.').toLowerCase());
    const header = Buffer.from(question.subarray(0, 12));
    header.writeUInt16BE(text === undefined ? 0x8183 : 0x8180, 2);   // an answer; for none, that there is no such name
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(text === undefined ? 0 : 1, 6);
    header.writeUInt32BE(0, 8);
    const parts = [header, question.subarray(12, end)];
    if (text !== undefined) {
      const value = Buffer.from(text, 'ascii');
      const record = Buffer.alloc(13);
      record.writeUInt16BE(0xc00c, 0);   // the name of the question
      record.writeUInt16BE(16, 2);
      record.writeUInt16BE(1, 4);
      record.writeUInt32BE(60, 6);
      record.writeUInt16BE(value.length + 1, 10);
      record.writeUInt8(value.length, 12);
      parts.push(record, value);
    }
    socket.send(Buffer.concat(parts), from.port, from.address);
  });
  await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return { port: socket.address().port, texts, stop: () => new Promise((resolve) => socket.close(resolve)) };
}
