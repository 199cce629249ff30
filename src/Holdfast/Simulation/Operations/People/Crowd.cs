namespace Holdfast.Simulation.Operations.People;

/// <summary>All that people and those who attack them do, and how often each is drawn.</summary>
internal static class Crowd
{
    public static IReadOnlyList<(Operation Operation, int Weight)> Operations { get; } =
    [
        (new SignUpOperation(), 8), (new ProveMailboxOperation(), 9), (new PasswordSignInOperation(), 12), (new ChangePasswordOperation(), 4),
        (new RequestResetOperation(), 4), (new ResetPasswordOperation(), 4), (new SetPasswordOperation(), 3), (new RequestCodeOperation(), 8),
        (new MagicSignInOperation(), 9), (new SsoUserOperation(), 10), (new RefreshOperation(), 22), (new RaceToRefreshOperation(), 4),
        (new EndSessionOperation(), 4), (new SuspendUserOperation(), 4), (new LiftSuspensionOperation(), 5), (new DeleteUserOperation(), 3),
        (new ChangeAddressOperation(), 3), (new MembershipOperation(), 3), (new StepOperation(), 8), (new ReplayRefreshOperation(), 8),
        (new ReplayItemOperation(), 6), (new SignUpAsOtherOperation(), 4), (new TryPasswordsOperation(), 3), (new ForeignProviderOperation(), 3),
        (new StolenNodeOperation(), 1), (new PostOperation(), 6), (new EnrollAppOperation(), 6), (new FinishSignInOperation(), 16), (new ReplayFactorOperation(), 5),
        (new MakeRecoveryCodesOperation(), 4), (new TakeFactorAwayOperation(), 2), (new RegisterPasskeyOperation(), 4), (new PasskeySignInOperation(), 8),
        (new InviteOperation(), 6), (new AcceptInvitationOperation(), 8), (new RevokeInvitationOperation(), 1), (new DeactivateMembershipOperation(), 3),
        (new ReactivateMembershipOperation(), 4), (new SwitchOrganizationOperation(), 6), (new PrepareUserOperation(), 4),
    ];
}
