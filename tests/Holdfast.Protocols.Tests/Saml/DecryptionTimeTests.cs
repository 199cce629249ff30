using System.Diagnostics;
using System.Text;
using Holdfast.Protocols.Saml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>SAML-049: what a failure to decrypt was does not show in how long it took, as far as a test on a busy machine can see.</summary>
public class DecryptionTimeTests
{
    private const int Rounds = 150;

    [Fact]
    public void All_failures_take_about_the_same_time()
    {
        byte[] Flip(byte[] bytes)
        {
            byte[] changed = [.. bytes];
            changed[^1] ^= 1;
            return changed;
        }
        Encrypting[] faults =
        [
            new(ChangeKey: Flip),                                                     // the key does not unwrap
            new(ChangeValue: Flip),                                                   // the tag does not hold
            new(Plain: Encoding.UTF8.GetBytes(new string('<', 2_000))),               // no XML comes out
            new(Plain: Encoding.UTF8.GetBytes("<x>" + new string(' ', 2_000) + "</x>")),   // another element does
        ];
        var messages = faults.Select(fault => EncryptedAssertionTests.SignedInside(fault)).ToArray();
        var times = messages.Select(_ => new List<double>()).ToArray();
        for (var round = 0; round < Rounds; round++)
        {
            // In turns, so that what else the machine does meets all of them alike.
            for (var i = 0; i < messages.Length; i++)
            {
                var start = Stopwatch.GetTimestamp();
                Sample.Refuses(SamlRefusal.DecryptionFailed, messages[i], EncryptedAssertionTests.Trust);
                times[i].Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
            }
        }
        var medians = times.Select(all => all.Order().ElementAt(Rounds / 2)).ToArray();
        Assert.True(medians.Max() < 1.6 * medians.Min(), string.Join(", ", medians.Select(median => $"{median:0} µs")));
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join(", ", medians.Select(median => $"{median:0} µs")));
    }
}
