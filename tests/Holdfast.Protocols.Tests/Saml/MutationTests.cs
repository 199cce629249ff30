using System.Text;
using Holdfast.Protocols.Saml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>A few hundred broken messages, the same in every run: none throws, none lets somebody else in, none is a fault of ours.
/// <see cref="FuzzTests"/> goes on from there, for as long as it is given.</summary>
public class MutationTests
{
    private const int Messages = 100;

    public static TheoryData<string> Originals => new("assertion", "response", "both");

    private static string Original(string signed) => signed switch
    {
        "assertion" => Sample.Signed(),
        "response" => Sample.Signed(how: Sample.OnResponse),
        _ => Sample.OnResponse.Sign(Sample.Signed()),
    };

    private static void Holds(SamlVerdict verdict, Func<string> input)
    {
        var fault = verdict switch
        {
            SamlVerdict.Accepted { Assertion: var a } => a.NameId != Sample.Alice || a.Id != "_a1" || a.Attributes["email"] is not [Sample.Alice],
            SamlVerdict.Refused refused => refused.Why == SamlRefusal.Unexpected,
            _ => true,
        };
        Assert.False(fault, $"{verdict}\n{(fault ? input() : "")}");
    }

    [Theory]
    [MemberData(nameof(Originals))]
    public void Changed_bytes_never_let_another_in(string signed)
    {
        var original = Encoding.UTF8.GetBytes(Original(signed));
        var dice = new Dice(1);
        for (var i = 0; i < Messages; i++)
        {
            var bytes = Mutation.Bytes(original, dice);
            Holds(Sample.Check(bytes), () => Encoding.UTF8.GetString(bytes));
        }
    }

    [Theory]
    [MemberData(nameof(Originals))]
    public void Changed_structure_never_lets_another_in(string signed)
    {
        var original = Original(signed);
        var dice = new Dice(2);
        for (var i = 0; i < Messages; i++)
        {
            var xml = Mutation.Structure(original, dice);
            Holds(Sample.Check(xml), () => xml);
        }
    }
}
