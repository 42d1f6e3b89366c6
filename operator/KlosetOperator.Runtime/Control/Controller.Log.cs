using KlosetOperator.Runtime.Api;
using Microsoft.Extensions.Logging;

namespace KlosetOperator.Runtime.Control;

internal sealed partial class Controller<TEntity>
{
    [LoggerMessage(201, LogLevel.Warning, "{Controller} failed on {Key} and tries again: {Error}")]
    private partial void LogFailed(string controller, NamespacedName key, string error);

    [LoggerMessage(202, LogLevel.Debug, "{Controller} worked on an old state of {Key} and looks again: {Error}")]
    private partial void LogBehind(string controller, NamespacedName key, string error);

    [LoggerMessage(203, LogLevel.Error, "{Controller} gave up on {Key} until something changes: {Error}")]
    private partial void LogTerminal(string controller, NamespacedName key, string error);

    [LoggerMessage(204, LogLevel.Error, "{Controller} ended in an unexpected exception on {Key}")]
    private partial void LogPanicked(Exception error, string controller, NamespacedName key);
}
