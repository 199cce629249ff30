using Holdfast.Http;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Asks who it is. What is answered is the same whether or not somebody has the address: it tells at most where a whole domain signs in.</summary>
internal class AskAddress(HomeRealm realm, Passkeys passkeys) : Step
{
    public const string Path = "/sign-in";

    /// <summary>Those who come for the first time.</summary>
    protected virtual bool IsSignUp => false;

    public override IResult Show(Visit visit) => visit.Page<AddressPage>(Parameters(visit, visit.Flow.Address));

    /// <summary>The page again, with what was wrong about a passkey.</summary>
    public IResult Again(Visit visit, Fault fault) => visit.Again<AddressPage>(fault, Parameters(visit, visit.Flow.Address));

    public override async Task<IResult> TakeAsync(Visit visit)
    {
        if (visit["provider"] is { } type && realm.Provider(visit.Flow.EnvironmentId, type) is { } provider)
        {
            return await realm.GoAsync(visit.Http, visit.Flow, provider);
        }
        var typed = visit["email"]?.Trim() ?? "";
        if (!Addresses.IsAddress(typed))
        {
            return visit.Again<AddressPage>(new Fault("email", visit.Texts[typed.Length == 0 ? "address.missing" : "address.malformed"]), Parameters(visit, typed));
        }
        var next = visit.Flow.For(typed) with { CanHavePasskey = visit["passkeys"] is not null };
        return realm.Of(next.EnvironmentId, typed) is { } home
            ? await realm.GoAsync(visit.Http, next, home)
            : visit.GoOn(IsSignUp ? AskDetails.Path : AskPassword.Path, next);
    }

    /// <summary>What the page shows: other ways in are those that the environment has, and passkeys where they have an origin.</summary>
    private IEnumerable<(string, object?)> Parameters(Visit visit, string? address) =>
    [
        (nameof(AddressPage.IsSignUp), IsSignUp), (nameof(AddressPage.Providers), realm.Providers(visit.Flow.EnvironmentId)), (nameof(AddressPage.Address), address),
        (nameof(AddressPage.PasskeyOrigin), IsSignUp || ServedUnder.NameOf(visit.Http) is not null ? null : passkeys.Home?.GetLeftPart(UriPartial.Authority)),
    ];
}

/// <summary>The same of those who come for the first time.</summary>
internal sealed class AskNewAddress(HomeRealm realm, Passkeys passkeys) : AskAddress(realm, passkeys)
{
    public new const string Path = "/sign-up";

    protected override bool IsSignUp => true;
}
