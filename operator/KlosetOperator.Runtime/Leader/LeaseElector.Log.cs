using KlosetOperator.Runtime.Api;
using Microsoft.Extensions.Logging;

namespace KlosetOperator.Runtime.Leader;

internal sealed partial class LeaseElector
{
    [LoggerMessage(301, LogLevel.Information, "Waiting for the lease {Lease} as {Identity}")]
    private partial void LogWaiting(NamespacedName lease, string identity);

    [LoggerMessage(302, LogLevel.Information, "Leading: {Identity} holds the lease {Lease}")]
    private partial void LogAcquired(NamespacedName lease, string identity);

    [LoggerMessage(303, LogLevel.Error, "Lost the lease {Lease}, held by {Holder}")]
    private partial void LogLost(NamespacedName lease, string holder);

    [LoggerMessage(304, LogLevel.Information, "Released the lease {Lease}")]
    private partial void LogReleased(NamespacedName lease);

    [LoggerMessage(305, LogLevel.Warning, "The lease {Lease} could not be released and expires by itself: {Error}")]
    private partial void LogReleaseFailed(NamespacedName lease, string error);

    [LoggerMessage(306, LogLevel.Warning, "A try for the lease {Lease} failed: {Error}")]
    private partial void LogTryFailed(NamespacedName lease, string error);
}
