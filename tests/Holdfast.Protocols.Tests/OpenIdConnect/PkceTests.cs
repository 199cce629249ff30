using CsCheck;
using Holdfast.Protocols.OpenIdConnect;

namespace Holdfast.Protocols.Tests.OpenIdConnect;

public sealed class PkceTests
{
    private const string Verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";   // RFC 7636, appendix B
    private const string Challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    [Fact]
    public void The_example_of_the_RFC_holds()
    {
        byte[] random =
        [
            116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186,
            22, 212, 37, 77, 105, 214, 191, 240, 91, 88, 5, 88, 83, 132, 141, 121,
        ];

        Assert.Equal(Verifier, Pkce.Verifier(random));
        Assert.Equal(Challenge, Pkce.Challenge(Verifier));
        Assert.True(Pkce.Matches(Verifier, Challenge));
    }

    [Fact]
    public void Every_verifier_is_well_formed_and_matches_its_own_challenge_only() =>
        Gen.Byte.Array[32].Select(Gen.Byte.Array[32]).Sample((one, other) =>
        {
            var (verifier, challenge) = (Pkce.Verifier(one), Pkce.Challenge(Pkce.Verifier(one)));
            return Pkce.IsVerifier(verifier) && Pkce.IsChallenge(challenge) && Pkce.Matches(verifier, challenge)
                && (one.AsSpan().SequenceEqual(other) || !Pkce.Matches(Pkce.Verifier(other), challenge));
        });

    [Theory] // OAUTH-015
    [InlineData(42, false)]
    [InlineData(43, true)]
    [InlineData(128, true)]
    [InlineData(129, false)]
    public void A_verifier_has_43_to_128_characters(int length, bool fine) => Assert.Equal(fine, Pkce.IsVerifier(new string('~', length)));

    [Theory] // OAUTH-015
    [InlineData('.', true, false)]
    [InlineData('-', true, true)]
    [InlineData('=', false, false)]
    [InlineData('+', false, false)]
    [InlineData(' ', false, false)]
    [InlineData('é', false, false)]
    public void Only_the_characters_of_the_RFC_are_taken(char c, bool inVerifier, bool inChallenge)
    {
        var text = new string('a', 42) + c;

        Assert.Equal(inVerifier, Pkce.IsVerifier(text));
        Assert.Equal(inChallenge, Pkce.IsChallenge(text));
    }

    [Fact]
    public void The_challenge_is_no_verifier_of_itself() => Assert.False(Pkce.Matches(Challenge, Challenge));   // the method "plain"

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(33)]
    public void A_verifier_is_made_of_32_bytes(int length) => Assert.Throws<ArgumentException>(() => Pkce.Verifier(new byte[length]));
}
