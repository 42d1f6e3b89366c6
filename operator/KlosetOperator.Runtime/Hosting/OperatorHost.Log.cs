using Microsoft.Extensions.Logging;

namespace KlosetOperator.Runtime.Hosting;

public sealed partial class OperatorHost
{
    [LoggerMessage(501, LogLevel.Information, "The caches are filled")]
    private partial void LogSynced();

    [LoggerMessage(502, LogLevel.Information, "The controllers run")]
    private partial void LogStarted();

    [LoggerMessage(503, LogLevel.Information, "Stopping: no new work; what runs may end")]
    private partial void LogStopping();

    [LoggerMessage(504, LogLevel.Information, "Stopped")]
    private partial void LogStopped();

    [LoggerMessage(505, LogLevel.Critical, "Leadership is lost and this process ends")]
    private partial void LogLeadershipLost();

    [LoggerMessage(506, LogLevel.Critical, "The start failed: {Reason}")]
    private partial void LogStartFailed(string reason);

    [LoggerMessage(508, LogLevel.Error, "Still waiting for the API server. {Reason}")]
    private partial void LogStillFilling(string reason);

    [LoggerMessage(507, LogLevel.Critical, "The operator broke")]
    private partial void LogBroken(Exception error);
}
