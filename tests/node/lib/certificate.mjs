// A key pair and a certificate that it signed itself, made in memory: what an identity provider publishes. Just enough DER for that.
import { generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto';

const der = (tag, ...parts) => {
  const content = Buffer.concat(parts.flat());
  const bytes = [];
  for (let rest = content.length; rest > 0; rest >>= 8) {
    bytes.unshift(rest & 0xff);
  }
  return Buffer.concat([Buffer.from(content.length < 128 ? [tag, content.length] : [tag, 0x80 | bytes.length, ...bytes]), content]);
};
const sequence = (...parts) => der(0x30, ...parts);
const identifier = (...bytes) => der(0x06, Buffer.from(bytes));
const sha256WithRsa = sequence(identifier(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b), der(0x05));
const commonName = (text) => sequence(der(0x31, sequence(identifier(0x55, 0x04, 0x03), der(0x0c, Buffer.from(text)))));
const utcTime = (date) => der(0x17, Buffer.from(`${date.toISOString().replaceAll(/[-:T]/g, '').slice(2, 14)}Z`));

/** { privateKey, certificate } in PEM: RSA 2048, valid from yesterday for a year. */
export function makeCertificate(name) {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const day = 86_400_000;
  const serial = randomBytes(16);
  serial[0] = serial[0] & 0x7f | 0x40;   // positive, and no leading zero
  const facts = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    sha256WithRsa,
    commonName(name),
    sequence(utcTime(new Date(Date.now() - day)), utcTime(new Date(Date.now() + 365 * day))),
    commonName(name),
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = sign('sha256', facts, privateKey);
  const certificate = new X509Certificate(sequence(facts, sha256WithRsa, der(0x03, Buffer.from([0]), signature)));
  return { privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }), certificate: certificate.toString() };
}
