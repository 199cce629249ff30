using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Asks who it is. What is answered is the same whether or not somebody has the address.</summary>
internal sealed class AskAddress : Step
{
    public const string Path = "/sign-in";

    public override IResult Show(Visit visit) => visit.Page<AddressPage>();

    public override Task<IResult> TakeAsync(Visit visit)
    {
        var typed = visit["email"]?.Trim() ?? "";
        return Task.FromResult(Addresses.IsAddress(typed)
            ? visit.GoOn(AskPassword.Path, visit.Flow.For(typed))
            : visit.Again<AddressPage>(
                new Fault("email", visit.Texts[typed.Length == 0 ? "address.missing" : "address.malformed"]), (nameof(AddressPage.Address), typed)));
    }
}
