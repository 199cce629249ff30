using System.Text;
using Holdfast.Protocols.OneTimePasswords;

namespace Holdfast.Protocols.Tests.OneTimePasswords;

/// <summary>One-time passwords as every app computes them.</summary>
public sealed class TotpTests
{
    private static readonly byte[] Secret = Encoding.ASCII.GetBytes("12345678901234567890");

    /// <summary>RFC 6238 appendix B, of which six digits are the last six of eight.</summary>
    [Theory]
    [InlineData(59, "287082")]
    [InlineData(1111111109, "081804")]
    [InlineData(1111111111, "050471")]
    [InlineData(1234567890, "005924")]
    [InlineData(2000000000, "279037")]
    [InlineData(20000000000, "353130")]
    public void The_vectors_of_the_RFC_hold(long seconds, string code)
    {
        var time = DateTimeOffset.FromUnixTimeSeconds(seconds);
        Assert.Equal(code, Totp.Code(Secret, Totp.StepAt(time)));
        Assert.Equal(Totp.StepAt(time), Totp.Find(Secret, code, time));
    }

    [Theory]
    [InlineData(-31, false)]
    [InlineData(-30, true)]
    [InlineData(0, true)]
    [InlineData(59, true)]
    [InlineData(60, false)]
    public void A_code_is_taken_one_step_before_and_after(int secondsAfterItsStepBegan, bool taken)
    {
        var step = 60_000_000L;
        Assert.Equal(taken ? step : null, Totp.Find(Secret, Totp.Code(Secret, step), Totp.BeginOf(step).AddSeconds(secondsAfterItsStepBegan)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("28708")]
    [InlineData("2870820")]
    [InlineData("28708a")]
    [InlineData("２８７０８２")]
    [InlineData(" 287082")]
    public void What_is_no_code_is_none(string code) => Assert.Null(Totp.Find(Secret, code, DateTimeOffset.FromUnixTimeSeconds(59)));

    /// <summary>RFC 4648 §10.</summary>
    [Theory]
    [InlineData("", "")]
    [InlineData("f", "MY")]
    [InlineData("fo", "MZXQ")]
    [InlineData("foo", "MZXW6")]
    [InlineData("foob", "MZXW6YQ")]
    [InlineData("fooba", "MZXW6YTB")]
    [InlineData("foobar", "MZXW6YTBOI")]
    public void Base_32_is_that_of_the_RFC(string text, string encoded)
    {
        Assert.Equal(encoded, Base32.Encode(Encoding.ASCII.GetBytes(text)));
        Assert.Equal(text, Encoding.ASCII.GetString(Base32.Decode(encoded)!));
        Assert.Equal(text, Encoding.ASCII.GetString(Base32.Decode(encoded.ToLowerInvariant() + "===")!));
    }

    [Theory]
    [InlineData("M")]
    [InlineData("MZ1")]
    [InlineData("MZX")]
    [InlineData("MB")]
    [InlineData("MZXW6 YTB")]
    public void What_is_not_base_32_is_nothing(string text) => Assert.Null(Base32.Decode(text));

    [Fact]
    public void The_address_that_an_app_reads_holds_no_sign_of_its_own_from_names() => Assert.Equal(
        "otpauth://totp/Acme%3A%20%26%20Co:ada%40acme.test%3Fx?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Acme%3A%20%26%20Co", Totp.Uri("Acme: & Co", "ada@acme.test?x", Secret));
}
