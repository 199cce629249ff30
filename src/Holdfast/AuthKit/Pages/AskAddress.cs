using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Asks who it is. What is answered is the same whether or not somebody has the address: it tells at most where a whole domain signs in.</summary>
internal class AskAddress(HomeRealm realm) : Step
{
    public const string Path = "/sign-in";

    /// <summary>Those who come for the first time.</summary>
    protected virtual bool IsSignUp => false;

    public override IResult Show(Visit visit) => visit.Page<AddressPage>(Parameters(visit, visit.Flow.Address));

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
        var next = visit.Flow.For(typed);
        return realm.Of(next.EnvironmentId, typed) is { } home
            ? await realm.GoAsync(visit.Http, next, home)
            : visit.GoOn(IsSignUp ? AskDetails.Path : AskPassword.Path, next);
    }

    private IEnumerable<(string, object?)> Parameters(Visit visit, string? address) =>
    [
        (nameof(AddressPage.IsSignUp), IsSignUp), (nameof(AddressPage.Providers), realm.Providers(visit.Flow.EnvironmentId)), (nameof(AddressPage.Address), address),
    ];
}

/// <summary>The same of those who come for the first time.</summary>
internal sealed class AskNewAddress(HomeRealm realm) : AskAddress(realm)
{
    public new const string Path = "/sign-up";

    protected override bool IsSignUp => true;
}
