using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Asks who it is. What is answered is the same whether or not somebody has the address.</summary>
internal sealed class AskAddress(Passkeys passkeys) : Step
{
    public const string Path = "/sign-in";

    /// <summary>Where this page's passkeys belong to.</summary>
    private (string, object?)[] Parameters => [(nameof(AddressPage.PasskeyOrigin), passkeys.Home?.GetLeftPart(UriPartial.Authority))];

    public override IResult Show(Visit visit) => visit.Page<AddressPage>(Parameters);

    /// <summary>The page again, with what was wrong about a passkey.</summary>
    public IResult Again(Visit visit, Fault fault) => visit.Again<AddressPage>(fault, Parameters);

    public override Task<IResult> TakeAsync(Visit visit)
    {
        var typed = visit["email"]?.Trim() ?? "";
        return Task.FromResult(Addresses.IsAddress(typed)
            ? visit.GoOn(AskPassword.Path, visit.Flow.For(typed) with { CanHavePasskey = visit["passkeys"] is not null })
            : visit.Again<AddressPage>(
                new Fault("email", visit.Texts[typed.Length == 0 ? "address.missing" : "address.malformed"]), [.. Parameters, (nameof(AddressPage.Address), typed)]));
    }
}
