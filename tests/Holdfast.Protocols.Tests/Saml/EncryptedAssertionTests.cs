using Holdfast.Protocols.Saml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>SAML-046 to SAML-055: what may be encrypted, how, and what is told when it does not decrypt.</summary>
public class EncryptedAssertionTests
{
    internal static readonly SamlTrust Trust = Sample.Trust with { DecryptionCertificates = [TestKeys.Sp] };

    /// <summary>The assertion signed, then encrypted, in an unsigned response.</summary>
    internal static string SignedInside(Encrypting? how = null) => (how ?? new()).Encrypt(Sample.Signed());

    /// <summary>The assertion unsigned and encrypted, and the response signed over that.</summary>
    internal static string SignedOutside(Encrypting? how = null) => Sample.OnResponse.Sign((how ?? new()).Encrypt(Sample.Unsigned));

    private static void Accepts(string xml, SamlTrust? trust = null) => Assert.Equal(Sample.Alice, Sample.Accepts(xml, trust ?? Trust).NameId);

    private static void Refuses(SamlRefusal why, string xml, SamlTrust? trust = null) => Sample.Refuses(why, xml, trust ?? Trust);

    /// <summary>In one wording, too.</summary>
    private static void Fails(string xml, SamlTrust? trust = null) => Assert.Equal(
        new SamlVerdict.Refused(SamlRefusal.DecryptionFailed, "What is encrypted could not be decrypted and read with any of our keys."),
        Sample.Check(xml, trust ?? Trust));

    private static Func<string, string> Replace(string old, string with) => xml =>
    {
        Assert.Contains(old, xml, StringComparison.Ordinal);
        return xml.Replace(old, with, StringComparison.Ordinal);
    };

    [Fact] // SAML-046
    public void Encryption_gives_no_origin()
    {
        Accepts(SignedInside());
        Refuses(SamlRefusal.SignatureMissing, new Encrypting().Encrypt(Sample.Unsigned));
        Refuses(SamlRefusal.SignatureInvalid, new Encrypting().Encrypt(Sample.Signed(how: Sample.OnAssertion with { Key = TestKeys.Other })));
    }

    [Fact] // SAML-047
    public void A_response_signed_over_the_ciphertext_vouches_for_it()
    {
        Accepts(SignedOutside());
        Refuses(SamlRefusal.AssertionNotSigned, SignedOutside(), Trust with { WantAssertionsSigned = true });
        Accepts(SignedInside(), Trust with { WantAssertionsSigned = true });
        Accepts(Sample.OnResponse.Sign(SignedInside()), Trust with { WantAssertionsSigned = true });
        Refuses(SamlRefusal.DigestInvalid, Xml.Change(SignedOutside(), document =>
            document.Get("EncryptedData").Get("CipherData").InnerXml = Xml.Parse(SignedInside()).Get("EncryptedData").Get("CipherData").InnerXml));
    }

    [Fact] // the response signed over the plaintext, the assertion encrypted after that: no octets of it are here
    public void A_signature_from_before_the_encryption_is_refused() =>
        Refuses(SamlRefusal.DigestInvalid, new Encrypting().Encrypt(Sample.Signed(how: Sample.OnResponse)));

    [Fact] // SAML-048
    public void What_is_wrapped_around_or_into_an_encrypted_assertion_is_refused()
    {
        var xml = SignedInside();
        Accepts(xml);
        Refuses(SamlRefusal.MoreThanOneAssertion, Xml.Change(xml, d => d.DocumentElement!.AppendChild(d.ImportNode(Xml.Parse(Sample.Unsigned).ById("_a1").Forged("_evil"), true))));
        Refuses(SamlRefusal.MoreThanOneAssertion, Xml.Change(xml, d => d.DocumentElement!.AppendChild(d.Get("EncryptedAssertion").Copy())));
        Refuses(SamlRefusal.ElementMisplaced, Xml.Change(xml, d => d.Get("EncryptedData").AppendChild(d.ImportNode(Xml.Parse(Sample.Signed()).ById("_a1"), true))));

        // Inside: the signed assertion within a forged one, as child, as advice beside it, and a forged one within the signature.
        string Inside(Action<System.Xml.XmlElement> change)
        {
            var inner = Xml.Change(Xml.Parse(Sample.Signed()).ById("_a1").OuterXml, d => change(d.DocumentElement!));
            return new Encrypting(Plain: Encrypting.Bytes(inner)).Encrypt(Sample.Unsigned);
        }
        Accepts(Inside(_ => { }));
        Refuses(SamlRefusal.ElementMisplaced, Inside(a => a.AppendChild(a.Forged("_evil"))));
        Refuses(SamlRefusal.ElementMisplaced, Inside(a => a.Get("Signature").AppendChild(a.Forged("_evil"))));
        Refuses(SamlRefusal.DigestInvalid, Inside(a => a.Get("NameID").InnerText = Sample.Mallory));
        Refuses(SamlRefusal.SignatureReference, Inside(a => a.SetAttribute("ID", "_evil")));
        Refuses(SamlRefusal.SignatureShape, Inside(a => a.AppendChild(a.Get("Signature").Copy())));
        Refuses(SamlRefusal.DuplicateId, Inside(a => a.Get("Subject").SetAttribute("id", "_a1")));
    }

    [Fact] // SAML-048: a reference can only mean the decrypted document itself
    public void The_decrypted_signature_cannot_be_about_the_outer_document()
    {
        var signedElsewhere = Sample.OnAssertion with { Reference = "#_r1" };
        Refuses(SamlRefusal.SignatureReference, new Encrypting().Encrypt(Sample.Signed(how: signedElsewhere)));
        // Prefixes that only the response declares are not there.
        var borrowed = Xml.Parse(Sample.Signed()).ById("_a1").OuterXml.Replace(" xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"", "", StringComparison.Ordinal);
        Fails(new Encrypting(Plain: Encrypting.Bytes(borrowed)).Encrypt(Sample.Unsigned));
    }

    [Theory] // SAML-049
    [InlineData("aes128-cbc")]
    [InlineData("aes192-cbc")]
    [InlineData("aes256-cbc")]
    public void Cbc_is_accepted_only_under_the_signature_of_the_response(string cipher)
    {
        var cbc = Encrypting.Cbc with { Cipher = Encrypting.Xenc + cipher };
        Accepts(SignedOutside(cbc));
        Accepts(Sample.OnResponse.Sign(SignedInside(cbc)));
        Refuses(SamlRefusal.EncryptionNotAllowed, SignedInside(cbc));
    }

    [Fact] // SAML-049: by a connection's switch; then everything that an altered ciphertext can come to is told in the same words
    public void Cbc_in_an_unsigned_response_takes_a_switch_and_tells_nothing()
    {
        var allows = Trust with { AllowCbcUnsignedResponse = true };
        byte[] Padded(byte[] p, byte last) => [.. p[..^1], last];
        Accepts(SignedInside(Encrypting.Cbc), allows);
        Assert.Contains(SamlNote.Cbc, Assert.IsType<SamlVerdict.Accepted>(Sample.Check(SignedInside(Encrypting.Cbc), allows)).Evidence.Notes(Sample.Now));
        foreach (var broken in new[]
        {
            Encrypting.Cbc with { ChangePadded = p => Padded(p, 0) }, Encrypting.Cbc with { ChangePadded = p => Padded(p, 17) }, Encrypting.Cbc with { ChangeValue = v => v[..^1] },
            Encrypting.Cbc with { For = TestKeys.Other }, Encrypting.Cbc with { Plain = Encrypting.Bytes("<x") }, Encrypting.Cbc with { Plain = Encrypting.Bytes("<x/>") },
        })
        {
            Fails(SignedInside(broken), allows);
        }
        // What decrypts and reads well, and is not what was signed: an answer of its own would say that it had decrypted.
        var inner = Xml.Parse(Sample.Signed()).ById("_a1").OuterXml;
        foreach (var altered in new[]
        {
            inner.Replace(Sample.Alice, Sample.Mallory, StringComparison.Ordinal), Xml.Parse(Sample.Unsigned).ById("_a1").OuterXml, inner.Replace("ID=\"_a1\"", "ID=\"_a2\"", StringComparison.Ordinal),
            inner.Replace("<saml:Subject>", "<saml:Subject id=\"_a1\">", StringComparison.Ordinal), inner.Replace("DigestValue", "DigestValu", StringComparison.Ordinal),
        })
        {
            Fails(SignedInside(Encrypting.Cbc with { Plain = Encrypting.Bytes(altered) }), allows);
            Assert.NotEqual(SamlRefusal.DecryptionFailed, Assert.IsType<SamlVerdict.Refused>(Sample.Check(SignedInside(new(Plain: Encrypting.Bytes(altered))), allows)).Why);
        }
        // What the identity provider signed is told by its name again: nobody else could have made it.
        Refuses(SamlRefusal.WrongAudience, Encrypting.Cbc.Encrypt(Sample.Signed("<saml:Audience>https://holdfast.example/", "<saml:Audience>https://evil.example/")), allows);
        // And nothing else is let in by it.
        Refuses(SamlRefusal.EncryptionNotAllowed, SignedInside(new(Transport: Encrypting.Rsa15, Digest: null)), allows);
        Accepts(SignedOutside(Encrypting.Cbc), allows);
    }

    [Fact] // SAML-049: the oracle has nothing to say, whichever byte is flipped
    public void No_variant_of_a_cbc_ciphertext_reaches_a_private_key()
    {
        var inside = SignedInside(Encrypting.Cbc);
        var outside = SignedOutside(Encrypting.Cbc);
        Accepts(outside);
        for (var flip = 1; flip < 256; flip++)
        {
            string Flipped(string xml) => Xml.Change(xml, document =>
            {
                var value = document.Get("EncryptedData").SelectNodes("*")!.Cast<System.Xml.XmlElement>().Single(e => e.LocalName == "CipherData").Get("CipherValue");
                var bytes = Convert.FromBase64String(value.InnerText);
                bytes[^17] ^= (byte)flip;
                value.InnerText = Convert.ToBase64String(bytes);
            });
            Refuses(SamlRefusal.EncryptionNotAllowed, Flipped(inside));
            Refuses(SamlRefusal.DigestInvalid, Flipped(outside));
        }
    }

    [Fact] // SAML-049: and where the identity provider itself errs, all faults look the same
    public void Every_failure_to_decrypt_is_told_in_the_same_words()
    {
        byte[] Padded(byte[] p, byte last) => [.. p[..^1], last];
        Accepts(SignedOutside(Encrypting.Cbc with { ChangePadded = p => p }));
        Fails(SignedOutside(Encrypting.Cbc with { ChangePadded = p => Padded(p, 0) }));
        Fails(SignedOutside(Encrypting.Cbc with { ChangePadded = p => Padded(p, 17) }));
        Fails(SignedOutside(Encrypting.Cbc with { ChangePadded = p => Padded(p, 255) }));
        Fails(SignedOutside(Encrypting.Cbc with { ChangeValue = v => v[..^1] }));
        Fails(SignedOutside(Encrypting.Cbc with { ChangeValue = v => v[..16] }));
        Fails(SignedOutside(Encrypting.Cbc with { ChangeValue = _ => [] }));
        Fails(SignedOutside(Encrypting.Cbc with { For = TestKeys.Other }));
        foreach (var plain in new[]
        {
            "", "x", "<x/>", "<x", "<saml:Assertion/>", "<!DOCTYPE x><x/>", "<a><!-- --></a>", "<?x?><a/>", "<a/><b/>",
            "<NameID xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\"/>", string.Concat(Enumerable.Repeat("<a>", 100)),
        })
        {
            Fails(SignedOutside(Encrypting.Cbc with { Plain = Encrypting.Bytes(plain) }));
            Fails(SignedInside(new(Plain: Encrypting.Bytes(plain))));
        }
        Fails(SignedInside(new(Plain: [0xFF, 0xFE, 0x00])));
    }

    [Theory] // SAML-050
    [InlineData(false)]
    [InlineData(true)]
    public void Rsa_1_5_is_refused_before_any_private_key_is_used(bool isBroken)
    {
        Func<byte[], byte[]>? change = isBroken ? k => [.. k[..^1], (byte)(k[^1] ^ 1)] : null;
        var how = new Encrypting(Transport: Encrypting.Rsa15, Digest: null, ChangeKey: change);
        Refuses(SamlRefusal.EncryptionNotAllowed, SignedInside(how));
        Refuses(SamlRefusal.EncryptionNotAllowed, SignedOutside(how));
        // A certificate without its private key shows that none is asked for.
        using var publicOnly = System.Security.Cryptography.X509Certificates.X509CertificateLoader.LoadCertificate(TestKeys.Sp.RawData);
        Refuses(SamlRefusal.EncryptionNotAllowed, SignedInside(how), Trust with { DecryptionCertificates = [publicOnly] });
        Accepts(SignedInside());
    }

    [Theory] // SAML-051
    [InlineData("aes128-gcm")]
    [InlineData("aes192-gcm")]
    [InlineData("aes256-gcm")]
    public void Gcm_is_accepted_and_any_change_fails(string cipher)
    {
        var gcm = new Encrypting(Cipher: Encrypting.Xenc11 + cipher);
        Accepts(SignedInside(gcm));
        Accepts(SignedOutside(gcm));
        byte[] Flip(byte[] v, Index at)
        {
            byte[] changed = [.. v];
            changed[at] ^= 1;
            return changed;
        }
        Fails(SignedInside(gcm with { ChangeValue = v => Flip(v, ^1) }));        // the tag
        Fails(SignedInside(gcm with { ChangeValue = v => Flip(v, 0) }));         // the nonce
        Fails(SignedInside(gcm with { ChangeValue = v => Flip(v, 100) }));
        Fails(SignedInside(gcm with { ChangeValue = v => v[..^4] }));            // a tag of 12 bytes
        Fails(SignedInside(gcm with { ChangeValue = v => v[..28] }));            // nothing but nonce and tag
        Fails(SignedInside(gcm with { ChangeValue = v => v[..27] }));
        Fails(SignedInside(gcm with { ChangeValue = _ => [] }));
        Fails(SignedInside(gcm with { ChangeKey = k => Flip(k, 20) }));
        Fails(SignedInside(gcm with { ChangeKey = k => k[..^1] }));
    }

    [Theory] // SAML-051: another cipher than the one that was used, or none that is known
    [InlineData(Encrypting.Xenc11 + "aes128-gcm", Encrypting.Xenc11 + "aes256-gcm", null)]
    [InlineData(Encrypting.Xenc11 + "aes256-gcm", Encrypting.Xenc11 + "aes192-gcm", null)]
    [InlineData(Encrypting.Xenc + "aes256-cbc", Encrypting.Xenc11 + "aes256-gcm", null)]
    [InlineData(Encrypting.Xenc11 + "aes256-gcm", Encrypting.Xenc + "aes256-cbc", SamlRefusal.EncryptionNotAllowed)]
    [InlineData(Encrypting.Xenc11 + "aes256-gcm", Encrypting.Xenc + "tripledes-cbc", SamlRefusal.EncryptionNotAllowed)]
    [InlineData(Encrypting.Xenc11 + "aes256-gcm", "urn:x", SamlRefusal.EncryptionNotAllowed)]
    public void A_relabelled_cipher_does_not_help(string used, string said, SamlRefusal? why)
    {
        var xml = SignedInside(new(Cipher: used, Shape: Replace($"\"{used}\"", $"\"{said}\"")));
        if (why is { } refusal)
        {
            Refuses(refusal, xml);
        }
        else
        {
            Fails(xml);
        }
    }

    [Theory] // SAML-052
    [InlineData(Encrypting.OaepMgf1p, null, null)]
    [InlineData(Encrypting.OaepMgf1p, "http://www.w3.org/2000/09/xmldsig#sha1", null)]
    [InlineData(Encrypting.Oaep11, "http://www.w3.org/2001/04/xmlenc#sha256", Encrypting.Xenc11 + "mgf1sha256")]
    public void Both_forms_of_oaep_are_accepted(string transport, string? digest, string? mask) =>
        Accepts(SignedInside(new(Transport: transport, Digest: digest, Mask: mask)));

    [Theory] // SAML-052
    [InlineData(Encrypting.OaepMgf1p, "http://www.w3.org/2001/04/xmlenc#sha256", null)]
    [InlineData(Encrypting.OaepMgf1p, null, Encrypting.Xenc11 + "mgf1sha1")]
    [InlineData(Encrypting.Oaep11, "http://www.w3.org/2001/04/xmlenc#sha256", null)]
    [InlineData(Encrypting.Oaep11, "http://www.w3.org/2001/04/xmlenc#sha256", Encrypting.Xenc11 + "mgf1sha1")]
    [InlineData(Encrypting.Oaep11, "http://www.w3.org/2000/09/xmldsig#sha1", Encrypting.Xenc11 + "mgf1sha256")]
    [InlineData(Encrypting.Oaep11, null, null)]
    [InlineData(Encrypting.Xenc + "kw-aes256", null, null)]
    [InlineData("", null, null)]
    public void Other_combinations_are_refused(string transport, string? digest, string? mask) =>
        Refuses(SamlRefusal.EncryptionNotAllowed, SignedInside(new(Transport: transport, Digest: digest, Mask: mask)));

    [Fact] // SAML-052
    public void Oaep_parameters_are_refused() => Refuses(SamlRefusal.EncryptionNotAllowed, SignedInside(Encrypting.Modern with
    {
        Shape = Replace("<ds:DigestMethod ", "<xenc:OAEPparams>AAAA</xenc:OAEPparams><ds:DigestMethod "),
    }));

    [Theory] // SAML-052: said to be the other form
    [InlineData(true)]
    [InlineData(false)]
    public void A_relabelled_oaep_fails(bool isModern)
    {
        var how = isModern
            ? new Encrypting(Shape: Replace(
                $"\"{Encrypting.OaepMgf1p}\"><ds:DigestMethod Algorithm=\"http://www.w3.org/2000/09/xmldsig#sha1\"/>",
                $"\"{Encrypting.Oaep11}\"><ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><xenc11:MGF xmlns:xenc11=\"{Encrypting.Xenc11}\" Algorithm=\"{Encrypting.Xenc11}mgf1sha256\"/>"))
            : new Encrypting(Transport: Encrypting.Oaep11, Digest: null, Shape: Replace(Encrypting.Oaep11, Encrypting.OaepMgf1p));
        Fails(SignedInside(how));
    }

    [Fact] // SAML-054
    public void A_cipher_reference_is_refused_and_nothing_is_fetched()
    {
        foreach (var uri in new[] { "http://127.0.0.1/x", "file:///etc/hostname", "#_r1", "" })
        {
            string Referring(string xml, string holder) => Xml.Change(xml, document =>
            {
                var data = document.Get(holder).SelectNodes("*")!.Cast<System.Xml.XmlElement>().Single(e => e.LocalName == "CipherData");
                data.InnerXml = $"<xenc:CipherReference xmlns:xenc=\"{Encrypting.Xenc}\" URI=\"{uri}\"><xenc:Transforms/></xenc:CipherReference>";
            });
            Refuses(SamlRefusal.Malformed, Referring(SignedInside(), "EncryptedData"));
            Refuses(SamlRefusal.Malformed, Referring(SignedInside(), "EncryptedKey"));
        }
        Accepts(SignedInside());
    }

    [Fact]
    public void Without_a_decryption_key_that_is_said()
    {
        Refuses(SamlRefusal.DecryptionKeyMissing, SignedInside(), Sample.Trust);
        Fails(SignedInside(), Trust with { DecryptionCertificates = [TestKeys.Elliptic] });
        Accepts(SignedInside(), Trust with { DecryptionCertificates = [TestKeys.Elliptic, TestKeys.Sp] });
    }

    [Fact] // SAML-049: a key of ours that cannot be used is a fault of ours, and told to a stranger in the same words
    public void A_key_that_cannot_be_used_is_told_in_the_same_words()
    {
        var closed = TestKeys.Make(2048);
        closed.Dispose();
        Fails(SignedInside(), Trust with { DecryptionCertificates = [closed] });
        Accepts(SignedInside(), Trust with { DecryptionCertificates = [closed, TestKeys.Sp] });
    }

    [Fact] // SAML-049: a key that does not unwrap is stood in for, so that the content is tried all the same. It shows in the memory that this takes
    public void The_content_is_tried_whether_or_not_its_key_was_there()
    {
        byte[] Flip(byte[] bytes)
        {
            byte[] changed = [.. bytes];
            changed[^1] ^= 1;
            return changed;
        }
        long Allocated(Encrypting how)
        {
            var xml = SignedInside(how with { Plain = new byte[Content] });
            Fails(xml);   // once before, for what is made once
            var before = GC.GetAllocatedBytesForCurrentThread();
            Fails(xml);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
        var (noKey, noTag) = (Allocated(new(ChangeKey: Flip)), Allocated(new(ChangeValue: Flip)));
        Assert.InRange(Math.Abs(noKey - noTag), 0, Content / 2);
    }

    private const int Content = 200_000;

    [Fact]
    public void What_surrounds_an_encrypted_assertion_is_checked_before_a_private_key_is_used()
    {
        var xml = SignedInside(new(For: TestKeys.Other));
        Fails(xml);
        Refuses(SamlRefusal.WrongDestination, xml.Replace("Destination=\"https://holdfast", "Destination=\"https://evil", StringComparison.Ordinal));
        Refuses(SamlRefusal.StatusNotSuccess, xml.Replace("status:Success", "status:Responder", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(SamlSigned.Assertion, 256, false)]
    [InlineData(SamlSigned.Response, 128, true)]
    [InlineData(SamlSigned.Both, 192, false)]
    public void What_our_issuer_encrypts_is_accepted(SamlSigned signed, int bits, bool sha1)
    {
        var issue = new SamlIssue("_r1", "_a1", Sample.Idp, Sample.Sp, Sample.Acs, Sample.Request, Sample.Alice, Sample.Now)
        {
            Signed = signed,
            EncryptFor = new SamlEncryption(TestKeys.Sp, bits, sha1),
        };
        var verdict = SamlResponse.Check(SamlIssuer.Issue(issue, TestKeys.Idp), Trust, Sample.Request, Sample.Now, Sample.Skew);
        Assert.Equal(Sample.Alice, Sample.Accepted(verdict).NameId);
        var decryption = Assert.Single(Assert.IsType<SamlVerdict.Accepted>(verdict).Evidence.Decryptions);
        Assert.Equal(("Assertion", TestKeys.Sp, $"http://www.w3.org/2009/xmlenc11#aes{bits}-gcm"), (decryption.Of, decryption.Certificate, decryption.Content));
    }
}
