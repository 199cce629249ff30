using Holdfast.Http;
using Holdfast.Load;
using Holdfast.Resilience;

namespace Holdfast.Causes;

/// <summary>The finder of causes: its services and what runs it. Start reading at <see cref="Finder"/>.</summary>
internal static class CauseServices
{
    public static void AddCauses(this IServiceCollection services, string data, Func<IReadOnlyList<PeerPlace>> peers, Dependencies dependencies)
    {
        services.AddSingleton<Traffic>().AddSingleton(new CauseRing(data));
        services.AddSingleton(all =>
        {
            var (clock, outbound) = (all.GetRequiredService<TimeProvider>(), all.GetRequiredService<OutboundHttp>());
            return new Finder(dependencies, all.GetRequiredService<Traffic>(), peers, all.GetRequiredService<Ids>(), clock, new Knocks(dependencies, Through(outbound, dependencies, clock), clock))
            {
                OfThisNode = new OwnLoad(all.GetRequiredService<Places>()).Find,
            };
        });
        services.AddSingleton<FindCauses>().AddHostedService(all => all.GetRequiredService<FindCauses>());
    }

    /// <summary>How <see cref="Knocks"/> asks: behind the guard, as one dependency for all hosts.</summary>
    public static Func<Uri, bool, CancellationToken, Task> Through(OutboundHttp outbound, Dependencies dependencies, TimeProvider clock)
    {
        var knock = dependencies.GetOrAdd(Catalogue.ProviderKnock, clock);
        return (at, isDocument, ct) => isDocument ? outbound.KnockForJsonAsync(knock, at, Knocks.Within, ct) : outbound.KnockAsync(knock, at, Knocks.Within, ct);
    }
}
